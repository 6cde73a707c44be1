/** Explains a request in a running instance, and sends it. */
import { execFile } from 'node:child_process';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { KubeObject, Resource } from '../../api/index.ts';
import { Fault, messageOf, sleep, systemClock } from '../../base/index.ts';
import { explain, type Explanation, type SeenRequest } from '../../envoy/index.ts';
import { createModeler, defaultMeshConfig, proxyOf, snapshotKinds, snapshotOf, type Snapshot } from '../../mesh/index.ts';
import { DEFAULT_PORTS } from '../instance/config.ts';
import { readRecord } from '../instance/instance.edge.ts';
import { findKubectl } from '../instance/kubectl.edge.ts';
import type { InstancePaths } from '../instance/paths.ts';
import { askProxy, podNamed, reach } from './proxy-admin.edge.ts';
import { countedBetween, countersOf, type Counted } from '../telemetry/request-counts.ts';

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** As {@link podNamed} takes it. */
  readonly from: string;
  readonly namespace: string;
}

/** What happened to a request that was sent. */
export interface Fired {
  /** Absent when no answer came. */
  readonly status?: number;
  readonly seconds?: number;
  /** Why none came. */
  readonly error?: string;
  /** What the proxies on its way counted. */
  readonly counted: readonly Counted[];
  /** `address:port` of the endpoints that the client's proxy sent it to. */
  readonly upstream: readonly string[];
}

export interface Explained {
  readonly explanation: Explanation;
  readonly fired?: Fired;
}

/** At what proxies have counted, 100 ms apart. */
const LOOKS = 10;
/** Envoy filters by its own names of statistics: `istio.requests_total`. */
const COUNTERS = '/stats?format=prometheus&usedonly&filter=%5Eistio%5B._%5Drequests_total';

/** Every object that the mesh is made of, as the API has it now. */
export async function meshSnapshot(paths: InstancePaths): Promise<Snapshot> {
  const lists = await reach(paths, (client) =>
    Promise.all(
      Object.values<Resource>(snapshotKinds).map((resource) =>
        client.list<KubeObject>(resource).then((l) => l.items.map((o) => typed(resource, o))),
      ),
    ),
  );
  return snapshotOf(lists.flat(), { ...defaultMeshConfig, httpsPort: readRecord(paths)?.config.httpsPort });
}

/** Lists leave out what each of their items is. */
export function typed<T extends KubeObject>(resource: Resource, object: T): T {
  return { ...object, apiVersion: resource.group ? `${resource.group}/${resource.version}` : resource.version, kind: resource.kind };
}

/** Throws a `Fault` for what cannot be asked: a URL that is none, a pod that is not there. */
export async function explainRequest(paths: InstancePaths, asked: Asked, fire?: { readonly env: NodeJS.ProcessEnv }): Promise<Explained> {
  const url = parsed(asked.url);
  const [from, snapshot] = await Promise.all([podNamed(paths, asked.from, asked.namespace), meshSnapshot(paths)]);
  const { host, ...headers } = Object.fromEntries(Object.entries(asked.headers).map(([k, v]) => [k.toLowerCase(), v]));
  const request: SeenRequest = {
    method: asked.method,
    scheme: url.protocol === 'https:' ? 'https' : 'http',
    authority: host ?? url.host,
    path: `${url.pathname}${url.search}`,
    headers,
  };
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  const explanation = explain({ model: createModeler()(snapshot), from, request, port, now: systemClock.now() });
  if (!fire) return { explanation };
  const servers = new Set(explanation.targets.flatMap((t) => t.endpoints.flatMap((e) => (e.pod ? [e.pod] : []))));
  const pods = [from, ...[...servers].flatMap((name) => snapshot.pods.get(name) ?? [])].filter((p) => proxyOf(p));
  return { explanation, fired: await fired(paths, from, pods, request, url, fire.env) };
}

function parsed(text: string): URL {
  const hint = 'Write it as in http://reviews:9080/path.';
  if (!URL.canParse(text)) throw new Fault('UrlInvalid', `"${text}" is not a URL`, { hint });
  const url = new URL(text);
  if (!['http:', 'https:'].includes(url.protocol)) throw new Fault('UrlInvalid', `"${url.protocol}" cannot be explained`, { hint });
  return url;
}

async function fired(
  paths: InstancePaths,
  from: Pod,
  pods: readonly Pod[],
  request: SeenRequest,
  url: URL,
  env: NodeJS.ProcessEnv,
): Promise<Fired> {
  const look = async (): Promise<ReadonlyMap<string, number>[]> =>
    Promise.all(pods.map(async (p) => countersOf(await askProxy(paths, p, COUNTERS).catch(() => ''))));
  const client = proxyOf(from);
  const before = [await look(), client ? await sentTo(paths, from) : new Map<string, number>()] as const;
  const answer = client?.kind === 'gateway' ? await fromHost(paths, request) : await fromPod(paths, from, request, url, env);
  // Proxies count a request when its stream is done with, which may be after its answer is here.
  for (let looks = 1; ; looks++) {
    const [counters, sent] = [await look(), client ? await sentTo(paths, from) : new Map<string, number>()];
    const counted = counters.flatMap((now, i) => countedBetween(before[0][i]!, now));
    const upstream = [...sent].filter(([at, n]) => n > (before[1].get(at) ?? 0)).map(([at]) => at);
    const wanted = [...(client ? ['source'] : []), ...(upstream.length && pods.length > 1 ? ['destination'] : [])];
    if (looks === LOOKS || wanted.every((w) => counted.some((c) => c.reporter === w))) return { ...answer, counted, upstream };
    await sleep(systemClock, 100);
  }
}

/** Requests that a proxy has sent to each endpoint: one is in a cluster for the service and in one for each of its subsets. */
async function sentTo(paths: InstancePaths, pod: Pod): Promise<ReadonlyMap<string, number>> {
  const text = await askProxy(paths, pod, '/clusters');
  const sent = new Map<string, number>();
  for (const [, at = '', count] of text.matchAll(/^outbound\|[^:]*::([\d.]+:\d+)::rq_total::(\d+)$/gm))
    sent.set(at, (sent.get(at) ?? 0) + Number(count));
  return sent;
}

type Answer = Pick<Fired, 'status' | 'seconds' | 'error'>;

/** Through the instance's own port, as a browser's request comes. */
function fromHost(paths: InstancePaths, { method, scheme, path, authority, headers }: SeenRequest): Promise<Answer> {
  const { httpPort, httpsPort } = readRecord(paths)?.config ?? DEFAULT_PORTS;
  const name = authority.replace(/:\d+$/, '');
  // Whose certificate it is is for the browser to judge; here it is about the way.
  const tls = { rejectUnauthorized: false, ...(isIP(name) ? {} : { servername: name }) };
  const to = { host: '127.0.0.1', method, path, headers: { ...headers, host: authority }, timeout: 30_000 };
  const started = performance.now();
  return new Promise((resolve) => {
    const answered = (response: IncomingMessage): void => {
      response.resume().on('end', () => resolve({ status: response.statusCode ?? 0, seconds: (performance.now() - started) / 1000 }));
      response.on('error', (error) => resolve({ error: messageOf(error) }));
    };
    const r =
      scheme === 'https' ? httpsRequest({ ...to, ...tls, port: httpsPort }, answered) : httpRequest({ ...to, port: httpPort }, answered);
    r.on('timeout', () => r.destroy(new Error('no answer within 30 s')));
    r.on('error', (error) => resolve({ error: messageOf(error) }));
    r.end();
  });
}

/** Runs in a container of the client, whose connections its sidecar takes. */
const SCRIPT = `
const { url, method, headers } = JSON.parse(process.argv[1]);
const u = new URL(url), t = performance.now();
const say = (o) => { console.log(JSON.stringify(o)); process.exit(0); };
const r = require(u.protocol.slice(0, -1)).request(u, { method, headers, timeout: 30000, rejectUnauthorized: false }, (a) => {
  a.resume();
  a.on('end', () => say({ status: a.statusCode, seconds: (performance.now() - t) / 1000 }));
});
r.on('timeout', () => r.destroy(new Error('no answer within 30 s')));
r.on('error', (e) => say({ error: e.message || e.code }));
r.end();`;
const SHELL = `PATH="$PATH:/opt/sluice/node"; s="$1"; q="$2"; shift 2
if command -v node >/dev/null 2>&1; then exec node -e "$s" "$q"; fi
command -v curl >/dev/null 2>&1 || { echo '{"error":"the pod has neither node nor curl to send it with"}'; exit 0; }
curl -sk -o /dev/null --max-time 30 -w '{"status":%{http_code},"seconds":%{time_total}}' "$@" || echo`;

async function fromPod(
  paths: InstancePaths,
  pod: Pod,
  { method, authority, headers }: SeenRequest,
  url: URL,
  env: NodeJS.ProcessEnv,
): Promise<Answer> {
  const { name = '', namespace = '' } = pod.metadata ?? {};
  const container = pod.spec?.containers.find((c) => c.name !== 'istio-proxy')?.name ?? '';
  const all = { ...headers, host: authority };
  const curl = ['-X', method, ...Object.entries(all).flatMap(([k, v]) => ['-H', `${k}: ${v}`]), url.href];
  const args = [
    'exec',
    '-n',
    namespace,
    name,
    '-c',
    container,
    '--',
    'sh',
    '-c',
    SHELL,
    'sh',
    SCRIPT,
    JSON.stringify({ url: url.href, method, headers: all }),
    ...curl,
  ];
  const said = await new Promise<string>((resolve, reject) => {
    const options = { env: { ...env, KUBECONFIG: paths.kubeconfig }, timeout: 60_000, maxBuffer: 1024 * 1024 };
    execFile(findKubectl(env, paths.cacheDir), args, options, (error, stdout, stderr) => {
      if (stdout.includes('{')) resolve(stdout);
      else
        reject(
          new Fault('NotSent', `the request could not be sent from ${namespace}/${name}: ${stderr.trim() || messageOf(error)}`, {
            hint: 'The pod must be running, with a shell and node or curl in it.',
          }),
        );
    });
  });
  const answer = JSON.parse(/\{.*\}/.exec(said)![0]) as { status?: number; seconds?: number; error?: string };
  return answer.status === 0 ? { error: 'no answer came: the connection was refused or reset' } : answer;
}
