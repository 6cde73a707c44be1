/** A mesh without pods: API server, what the mesh makes of its objects, xDS, and two real Envoys that hold it, a sidecar and a gateway. */
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  ApiError,
  createCatalog,
  Events,
  keyOf,
  Namespaces,
  type AnyObject,
  type gatewayApi,
  type IstioCondition,
  type KubeObject,
  type Schema,
} from '../../src/api/index.ts';
import { ADMIN, createRegistry } from '../../src/apiserver/index.ts';
import { feedMesh } from '../../src/app/mesh/mesh-feed.ts';
import { jsonLog, systemClock, type Rng } from '../../src/base/index.ts';
import { createCa, createRoot } from '../../src/ca/index.ts';
import { createInformers } from '../../src/control/index.ts';
import { createTranslator } from '../../src/envoy/index.ts';
import { defaultMeshConfig, problemText, type Snapshot } from '../../src/mesh/index.ts';
import type { Event as KubeEvent } from 'kubernetes-types/core/v1.js';
import { memoryStore } from '../../src/store/index.ts';
import { startXds, type Xds } from '../../src/xds/index.ts';
import { startEnvoy, type RealEnvoy } from '../real/real-envoy.edge.ts';
import { resourceOf } from './objects.ts';

export const SIDECAR = 'productpage-v1-5f6b-ddddd.default';
export const GATEWAY = 'istio-ingressgateway-0.istio-system';
export const PROXIES = [SIDECAR, GATEWAY] as const;

/** An Envoy in a network of its own, where every port is free and may be had. */
const OWN_NETWORK = ['unshare', '--user', '--map-root-user', '--net', 'sh', '-c', 'ip link set lo up 2>/dev/null; exec "$@"', 'sh'];

export interface Bed {
  readonly xds: Xds;
  /** The answer of the bystander in what was made last, as JSON. */
  made(): string;
  schemaOf(object: KubeObject): Schema;
  /** Writes the object as it is given, whatever stood there. False when the API refuses it. */
  put(object: KubeObject): Promise<boolean>;
  /** All that its author is told of the object: the messages of conditions that do not hold, and of Events. */
  toldOf(object: KubeObject): Promise<string[]>;
  /** The object, and the Events about it. */
  remove(object: KubeObject): Promise<void>;
  /** What the gateway answers to a request for `/` of a host; empty when nothing comes. */
  ask(host: string): Promise<string>;
  admin(proxy: (typeof PROXIES)[number], path: string): Promise<string>;
  /** In MB, of this process and of the two Envoys, by what they say of themselves. */
  memory(): Promise<Memory>;
  /** Errors that were logged since, and what was said of objects in words that are none. */
  complaints(): string[];
  close(): Promise<void>;
}

export interface Memory {
  readonly heap: number;
  readonly rss: number;
  readonly sidecar: number;
  readonly gateway: number;
}

/** Where conditions stand. */
type Told = { conditions?: IstioCondition[] } & Partial<gatewayApi.RouteStatus & gatewayApi.PolicyStatus>;

/** What no sentence for people has in it. */
const NO_WORDS = /\bundefined\b|\[object |\bNaN\b|TypeError|RangeError|Cannot read|\.ts:\d+/;

/** Changes that are kept of each kind: few, so that memory that grows on is lost memory. */
const HISTORY = 300;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

export async function makeBed(rng: Rng, namespaces: readonly string[]): Promise<Bed> {
  const clock = systemClock;
  const stop = new AbortController();
  const { signal } = stop;
  let complaints: string[] = [];
  const log = jsonLog((line) => /"level":"error"|could not be written/.test(line) && complaints.push(`logged: ${line}`), Date.now, 'warn');
  const dir = await mkdtemp(join(tmpdir(), 'mesh-fuzz-'));
  const catalog = createCatalog();
  const registry = createRegistry({ store: memoryStore<AnyObject>({ history: HISTORY }), catalog, clock, rng, log });
  const client = registry.client(ADMIN);
  const informers = createInformers(client, { clock, log, signal });
  const ca = await createCa({ root: await createRoot('cluster.local', Date.now()), trustDomain: 'cluster.local', now: Date.now() });
  const identity = await ca.issue({ namespace: 'default', serviceAccount: 'default' }, Date.now());
  const socketPath = join(dir, 'xds.sock');
  const door = join(dir, 'door.sock');
  const xds = await startXds({
    socketPath,
    clock,
    log,
    resolve: (n) => ({ proxyId: n.id }),
    secrets: async (_id, name) =>
      name === 'ROOTCA' || name.endsWith('-cacert') ? { kind: 'trust', caPem: ca.rootCertPem } : { kind: 'identity', ...identity },
  });
  const envoys = new Map<string, RealEnvoy>();
  let last: Snapshot | undefined;
  for (const name of namespaces) await client.create(Namespaces, { metadata: { name } }).catch(() => undefined);

  const translator = createTranslator({ onDemandAbove: Infinity });
  const heard = <T extends readonly Parameters<typeof problemText>[0][]>(problems: T): T => {
    for (const problem of problems) {
      const text = problemText(problem);
      if (NO_WORDS.test(text) && complaints.length < 20) complaints.push(`said: ${text}`);
    }
    return problems;
  };

  await feedMesh({
    informers,
    xds,
    translator: {
      ...translator,
      update: (snapshot) => {
        last = snapshot;
        return heard(translator.update(snapshot));
      },
      patchProblems: () => heard(translator.patchProblems()),
    },
    config: defaultMeshConfig,
    fetchKeys: (url) => Promise.reject(new Error(`nobody is at ${url}`)),
    version: '0.0.0',
    clock,
    log,
    signal,
  });
  envoys.set(SIDECAR, await startEnvoy(SIDECAR, socketPath, OWN_NETWORK));
  envoys.set(GATEWAY, await startEnvoy(GATEWAY, socketPath, OWN_NETWORK, { socket: door, port: 8080 }));
  const eventsOf = async ({ kind, metadata: { namespace, name } = {} }: KubeObject): Promise<readonly KubeEvent[]> => {
    const { items } = await client.list(Events, { namespace: namespace ?? 'default', fieldSelector: `involvedObject.name=${name}` });
    return items.filter((e) => e.involvedObject.kind === kind);
  };
  const allocated = async (proxy: string): Promise<number> => {
    const { allocated: bytes } = JSON.parse(await envoys.get(proxy)!.admin('/memory')) as { allocated: string };
    return Math.round(Number(bytes) / 2 ** 20);
  };

  return {
    xds,
    made: () => JSON.stringify(last?.virtualServices.get('bystander/bystander')?.spec ?? {}),
    schemaOf: ({ apiVersion = '', kind = '' }) => {
      const [version, group = ''] = apiVersion.split('/').reverse() as [string, string?];
      const served = catalog.findKind(group, version, kind)!;
      return served.legacy?.schema ?? served.def.schema;
    },
    async put(object) {
      const resource = resourceOf(object);
      const key = keyOf(object);
      const { status, ...rest } = structuredClone(object) as KubeObject & { status?: unknown };
      try {
        const there = await client.get(resource, key);
        const { resourceVersion } = there?.metadata ?? {};
        if (resourceVersion) await client.update(resource, { ...rest, metadata: { ...rest.metadata, resourceVersion } });
        else await client.create(resource, rest);
        if (status) await client.patch(resource, key, { type: 'merge', body: { status } }, { subresource: 'status' });
        return true;
      } catch (error) {
        if (!(error instanceof ApiError) || error.code >= 500) complaints.push(`the API: ${String(error)} of ${JSON.stringify(object)}`);
        return false;
      }
    },
    async toldOf(object) {
      const { status } = ((await client.get(resourceOf(object), keyOf(object))) ?? {}) as { status?: Told };
      const { conditions = [], parents = [], ancestors = [] } = status ?? {};
      const all = [...conditions, ...[...parents, ...ancestors].flatMap((at): readonly IstioCondition[] => at.conditions)];
      const events = await eventsOf(object);
      return [...all.filter((c) => c.status === 'False').map((c) => c.message ?? ''), ...events.map((e) => e.message ?? '')];
    },
    async remove(object) {
      await client.delete(resourceOf(object), keyOf(object));
      for (const event of await eventsOf(object)) await client.delete(Events, keyOf(event)).catch(() => undefined);
    },
    ask: (host) => askThrough(door, host).catch(() => ''),
    admin: (proxy, path) => envoys.get(proxy)!.admin(path),
    async memory() {
      collect();
      const { heapUsed, rss } = process.memoryUsage();
      const mb = (bytes: number): number => Math.round(bytes / 2 ** 20);
      return { heap: mb(heapUsed), rss: mb(rss), sidecar: await allocated(SIDECAR), gateway: await allocated(GATEWAY) };
    },
    complaints: () => {
      const said = complaints;
      complaints = [];
      return said;
    },
    async close() {
      stop.abort();
      await Promise.all([...envoys.values()].map((e) => e.stop()));
      await xds.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function askThrough(socketPath: string, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const req = request({ socketPath, path: '/', agent: false, timeout: 2000, headers: { host } }, (res) => {
      let body = '';
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => (body += chunk));
      res.on('end', () => resolve(body));
      res.on('error', reject);
    });
    req.on('timeout', () => req.destroy(new Error('no answer within 2 s')));
    req.on('error', reject);
    req.end();
  });
}
