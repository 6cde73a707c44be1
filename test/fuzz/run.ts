/** The fuzz run: damaged requests and streams against a real server, and a judge of every answer. */
import { ConfigMaps, pathOf, type AnyObject } from '../../src/api/index.ts';
import { seededRng } from '../../src/base/index.ts';
import { rawHttp, type Answer, type RawHttp, type RawRequest } from '../support/raw-http.ts';
import { anyRequest } from './requests.ts';
import { startFuzzServer, type Memory } from './server.ts';
import { fuzzSpdy, fuzzUpgrade } from './streams.ts';

export interface FuzzOptions {
  readonly seed: number;
  readonly requests: number;
}

export interface FuzzReport {
  readonly requests: number;
  readonly upgrades: number;
  readonly sessions: number;
  readonly codes: Readonly<Record<string, number>>;
  /** The answers that took longest, those aside that are meant to wait: for changes, or for a revision that is to come. */
  readonly slowest: readonly string[];
  /** Of the server, when a tenth was done, a quarter, the half, and all. */
  readonly memory: readonly Memory[];
  readonly seconds: number;
  /** Empty: all is well. */
  readonly problems: readonly string[];
}

/** So many that it matters little how some wait three seconds, for a revision that is to come. */
const CONNECTIONS = 48;
/** An answer that takes more of the server's work than that is a hang: what others do to the machine is not held against it. */
const HANG_WORKED_MS = 5000;
/** A server that does nothing for so long hangs as well. */
const HANG_MS = 60_000;
/** How often it is looked at. */
const LOOK_MS = 5000;
/** How often what piled up under generated names is taken away. */
const SWEEP = 5000;
const MAX_PROBLEMS = 20;
const SLOWEST = 5;
/** For a revision that does not come. */
const WAITED = 504;
/** When the memory is looked at, in shares of the whole. */
const LOOKS = [0.1, 0.25, 0.5, 1];

export async function runFuzz({ seed, requests }: FuzzOptions): Promise<FuzzReport> {
  const started = performance.now();
  const server = await startFuzzServer(seed);
  const http = rawHttp({ socketPath: server.socketPath }, CONNECTIONS);
  const problems: string[] = [];
  const codes: Record<string, number> = {};
  let slowest: { readonly ms: number; readonly what: string }[] = [];
  let upgrades = 0;
  let sessions = 0;

  const within = async (work: Promise<string | undefined>): Promise<string | undefined> => {
    const worked = server.workedMs();
    const late = Promise.withResolvers<string>();
    let waited = 0;
    const timer = setInterval(() => {
      const ms = server.workedMs() - worked;
      if (ms > HANG_WORKED_MS || (waited += LOOK_MS) >= HANG_MS)
        late.resolve(`was not answered in ${waited} ms, of which the server worked ${ms} ms`);
    }, LOOK_MS);
    try {
      return await Promise.race([work, late.promise]);
    } finally {
      clearInterval(timer);
    }
  };

  const answered = ({ method, path, cutMs }: RawRequest, code: number, ms: number): void => {
    codes[code] = (codes[code] ?? 0) + 1;
    if (cutMs !== undefined || code === WAITED || ms <= (slowest[SLOWEST - 1]?.ms ?? 0)) return;
    slowest = [...slowest, { ms, what: `${method} ${path}` }].sort((a, b) => b.ms - a.ms).slice(0, SLOWEST);
  };

  const one = async (i: number): Promise<void> => {
    // Each request has its own sequence: it can be made again without those before it.
    const rng = seededRng(seed * 1_000_003 + i);
    if (i % 100 === 0) {
      upgrades++;
      const problem = await within(fuzzUpgrade(rng, server.socketPath));
      if (problem) problems.push(`upgrade ${i}: ${problem}`);
    }
    if (i % 20 === 0) {
      sessions++;
      const problem = await within(fuzzSpdy(rng).then(() => undefined));
      if (problem) problems.push(`SPDY ${i}: ${problem}`);
    }
    const request = anyRequest(rng);
    const problem = await within(judged(http, request, answered));
    if (problem) problems.push(`request ${i}: ${problem}\n${told(request)}\n${server.log.at(-1) ?? ''}`);
  };

  try {
    const memory: Memory[] = [];
    for (let from = 0; from < requests && problems.length < MAX_PROBLEMS; from += SWEEP) {
      let next = from;
      const end = Math.min(from + SWEEP, requests);
      await Promise.all(
        Array.from({ length: CONNECTIONS }, async () => {
          while (next < end && problems.length < MAX_PROBLEMS) await one(next++);
        }),
      );
      await server.sweep();
      if (end >= requests * LOOKS[memory.length]!) memory.push(await server.memory());
    }
    const problem = await round(http);
    if (problem) problems.push(`in the end: ${problem}`);
    return {
      requests,
      upgrades,
      sessions,
      codes,
      slowest: slowest.map(({ ms, what }) => `${ms} ms: ${what}`),
      memory,
      seconds: Math.round((performance.now() - started) / 1000),
      problems,
    };
  } finally {
    http.close();
    await server.close();
  }
}

async function judged(
  http: RawHttp,
  request: RawRequest,
  answered: (request: RawRequest, code: number, ms: number) => void,
): Promise<string | undefined> {
  const begun = performance.now();
  let answer: Answer;
  try {
    answer = await http.request(request);
  } catch (error) {
    return `was not answered: ${String(error)}`;
  }
  answered(request, answer.code, Math.round(performance.now() - begun));
  return judge(request, answer);
}

const CODES: ReadonlySet<number> = new Set([200, 201, 301, 304, 400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 422, 429, 504]);

/** Nobody is there behind a proxy, and nobody works out what is not kept. */
const ANSWERED_ELSEWHERE = /\/proxy|\/metrics\.k8s\.io\/|\/componentstatuses/;

/** What is wrong with an answer. */
export function judge(request: RawRequest, { code, headers, body }: Answer): string | undefined {
  const text = body.toString('utf8');
  if (!CODES.has(code) && !(code === 503 && ANSWERED_ELSEWHERE.test(request.path))) return `was answered ${code}: ${text.slice(0, 500)}`;
  if (request.method === 'HEAD' || code === 301 || code === 304) return undefined;
  const type = headers['content-type'] ?? '';
  if (code >= 400) {
    const status = parsed(text);
    const { kind, apiVersion, status: outcome, reason, message, code: told } = (status ?? {}) as Record<string, unknown>;
    const whole =
      kind === 'Status' && apiVersion === 'v1' && outcome === 'Failure' && typeof reason === 'string' && typeof message === 'string';
    if (whole && told === code) return undefined;
    return `was refused with ${code} without saying so in a Status: ${text.slice(0, 500)}`;
  }
  if (request.cutMs !== undefined) return judgeWatch(text);
  if (!type.startsWith('application/json')) return undefined;
  const value = parsed(text);
  if (value === undefined) return `was answered with JSON that is none: ${text.slice(0, 500)}`;
  const isObject = typeof (value as AnyObject).kind === 'string';
  if (request.path.startsWith('/api') && !isObject) return `was answered with what is no object: ${text.slice(0, 500)}`;
  return undefined;
}

function judgeWatch(text: string): string | undefined {
  // The last line may be cut off.
  for (const line of text.split('\n').slice(0, -1)) {
    const event = parsed(line) as { type?: unknown; object?: unknown } | undefined;
    if (!event || !['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'].includes(event.type as string) || !event.object) {
      return `was told what is no event: ${line.slice(0, 500)}`;
    }
  }
  return undefined;
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' ? value : undefined;
  } catch {
    return undefined;
  }
}

function told({ method, path, headers, body }: RawRequest): string {
  const bytes = Buffer.from(body ?? '');
  return `${method} ${path} ${JSON.stringify(headers ?? {})} ${bytes.length} bytes, in base64 ${bytes.toString('base64').slice(0, 6000)}`;
}

/** What anyone does with a server: is it still of use? */
async function round(http: RawHttp): Promise<string | undefined> {
  const collection = pathOf(ConfigMaps, { namespace: 'default' });
  const path = `${collection}/round`;
  const headers = { 'content-type': 'application/json' };
  const steps: readonly (readonly [RawRequest, number])[] = [
    [{ method: 'POST', path: collection, headers, body: '{"metadata":{"name":"round"},"data":{"a":"1"}}' }, 201],
    [{ method: 'GET', path }, 200],
    [{ method: 'PUT', path, headers, body: '{"metadata":{"name":"round"},"data":{"a":"2"}}' }, 200],
    [{ method: 'PATCH', path, headers: { 'content-type': 'application/merge-patch+json' }, body: '{"data":{"b":"3"}}' }, 200],
    [{ method: 'GET', path: collection }, 200],
    [{ method: 'DELETE', path }, 200],
    [{ method: 'GET', path }, 404],
  ];
  for (const [request, code] of steps) {
    const answer = await http.request(request);
    if (answer.code !== code) return `${request.method} ${request.path} was answered ${answer.code}: ${answer.body.toString()}`;
  }
  return undefined;
}
