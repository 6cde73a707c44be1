/** What the load tools share: how they take the command line, and how they end. */
import { readFileSync } from 'node:fs';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import type { Target } from './client.ts';
import { durationMs } from './duration.ts';

/** The command line makes no sense. */
class Misuse extends Error {}

export function misuse(problem: string): never {
  throw new Misuse(problem);
}

/** Runs a tool; who uses it wrongly is told how. Ctrl-C and SIGTERM end the load, and what was counted until then is reported. */
export async function run(name: string, usage: string, tool: (signal: AbortSignal) => Promise<string>): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  try {
    process.stdout.write(await tool(stop.signal));
    process.exit(0);
  } catch (error) {
    if (!(error instanceof Misuse)) throw error;
    process.stderr.write(`${name}: ${error.message}\n${usage}`);
    process.exit(1);
  }
}

/** Arguments by their flags, of which also long ones may have a single dash, as in Go. */
export function argumentsOf<const T extends NonNullable<ParseArgsConfig['options']>>(options: T) {
  const long = new Set(Object.keys(options).filter((flag) => flag.length > 1));
  const args = process.argv.slice(2).map((a) => (/^-\w/.test(a) && long.has(a.slice(1).split('=')[0]!) ? `-${a}` : a));
  try {
    return parseArgs({ args, allowPositionals: true, options });
  } catch (error) {
    return misuse(error instanceof Error ? error.message : String(error));
  }
}

export function positive(flag: string, text: string): number {
  const n = Number(text);
  return n > 0 ? n : misuse(`${flag} takes a number above 0, not ${text}`);
}

export function durationFlag(flag: string, text: string): number {
  return durationMs(text) ?? misuse(`${flag} takes a duration such as 10s, 3m or 1h, not ${text}`);
}

/** The only positional argument, as a URL; without a scheme it is HTTP. */
export function urlFrom(positionals: readonly string[]): URL {
  const [text = ''] = positionals;
  const full = /^https?:\/\//.test(text) ? text : `http://${text}`;
  return positionals.length === 1 && URL.canParse(full) ? new URL(full) : misuse('exactly one URL is needed');
}

export function headersFrom(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const at = line.indexOf(':');
    if (at < 1) misuse(`-H takes "Name: value", not ${line}`);
    headers[line.slice(0, at).trim().toLowerCase()] = line.slice(at + 1).trim();
  }
  return headers;
}

/** hey's flags of what a request is like. */
export const REQUEST_FLAGS = {
  method: { type: 'string', short: 'm', default: 'GET' },
  header: { type: 'string', short: 'H', multiple: true, default: [] as string[] },
  timeout: { type: 'string', short: 't', default: '20' },
  data: { type: 'string', short: 'd' },
  dataFile: { type: 'string', short: 'D' },
  contentType: { type: 'string', short: 'T', default: 'text/html' },
  accept: { type: 'string', short: 'A' },
  auth: { type: 'string', short: 'a' },
  host: { type: 'string' },
  'disable-keepalive': { type: 'boolean', default: false },
} as const;

interface RequestValues {
  readonly method: string;
  readonly header: readonly string[];
  readonly timeout: string;
  readonly data?: string | undefined;
  readonly dataFile?: string | undefined;
  readonly contentType: string;
  readonly accept?: string | undefined;
  readonly auth?: string | undefined;
  readonly host?: string | undefined;
  readonly 'disable-keepalive': boolean;
}

export function targetFrom(values: RequestValues, positionals: readonly string[], agent: string, connections: number): Target {
  const body = values.dataFile ? readFileSync(values.dataFile) : values.data;
  return {
    url: urlFrom(positionals),
    method: values.method,
    headers: {
      'user-agent': agent,
      ...(body === undefined ? {} : { 'content-type': values.contentType }),
      ...(values.accept ? { accept: values.accept } : {}),
      ...(values.auth ? { authorization: `Basic ${Buffer.from(values.auth).toString('base64')}` } : {}),
      ...headersFrom(values.header),
      ...(values.host ? { host: values.host } : {}),
    },
    body,
    timeoutMs: positive('-t', values.timeout) * 1000,
    connections,
    keepAlive: !values['disable-keepalive'],
  };
}
