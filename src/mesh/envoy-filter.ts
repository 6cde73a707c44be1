/** Whose configuration EnvoyFilters change, and in what order. What a patch does to it is said in `envoy`. */
import { RE2JS } from 're2js';
import type { ConfigPatch, EnvoyFilter } from '../api/index.ts';
import type { Problem } from './problem.ts';
import type { Proxy } from './proxy.ts';
import { GATEWAY_GROUP } from './reference-grant.ts';
import { selects } from './workload.ts';

/** The version of Istio that proxies say they are of: patches may ask for it. */
export const ISTIO_VERSION = '1.31.0';
/** On pods of a gateway of the Gateway API. */
const GATEWAY_NAME = 'gateway.networking.k8s.io/gateway-name';

/** One patch of an EnvoyFilter. */
export interface EnvoyPatch {
  readonly owner: EnvoyFilter;
  /** Its place in `spec.configPatches`. */
  readonly index: number;
  readonly spec: ConfigPatch;
}

/** What of a proxy patches can ask for. */
type Patched = Pick<Proxy, 'kind' | 'namespace' | 'labels' | 'workload' | 'serviceAccount'>;

/** EnvoyFilters, oldest first. */
export class EnvoyFilters {
  readonly all: readonly EnvoyFilter[];
  readonly #root: string;
  readonly #lists = new Map<string, readonly EnvoyPatch[]>();
  readonly #patches: ReadonlyMap<EnvoyFilter, readonly EnvoyPatch[]>;

  constructor(all: readonly EnvoyFilter[], rootNamespace: string) {
    this.all = all;
    this.#root = rootNamespace;
    this.#patches = new Map(all.map((owner) => [owner, (owner.spec?.configPatches ?? []).map((spec, index) => ({ owner, index, spec }))]));
  }

  /** The patches for a proxy in the order in which they are made: by priority, the root namespace's first, by age. */
  of(proxy: Patched): readonly EnvoyPatch[] {
    const key = JSON.stringify([proxy.kind, proxy.namespace, proxy.labels, proxy.workload, proxy.serviceAccount]);
    let list = this.#lists.get(key);
    if (!list) this.#lists.set(key, (list = this.#find(proxy)));
    return list;
  }

  patchesOf(filter: EnvoyFilter): readonly EnvoyPatch[] {
    return this.#patches.get(filter) ?? [];
  }

  #find(proxy: Patched): readonly EnvoyPatch[] {
    const place = (f: EnvoyFilter): number => (f.metadata?.namespace === this.#root ? 0 : 1);
    return this.all
      .filter((f) => holdsFor(f, proxy, this.#root))
      .sort((a, b) => (a.spec.priority ?? 0) - (b.spec.priority ?? 0) || place(a) - place(b))
      .flatMap((f) => this.patchesOf(f))
      .filter(({ spec }) => fitsProxy(spec, proxy));
  }
}

function holdsFor({ metadata, spec }: EnvoyFilter, proxy: Patched, root: string): boolean {
  if (!spec) return false;
  if (spec.targetRefs?.length) {
    return (
      metadata?.namespace === proxy.namespace &&
      spec.targetRefs.some((t) => t.group === GATEWAY_GROUP && t.kind === 'Gateway' && t.name === proxy.labels[GATEWAY_NAME])
    );
  }
  return [root, proxy.namespace].includes(metadata?.namespace ?? '') && selects(spec.workloadSelector?.labels, proxy.labels);
}

/** Whether the patch may concern the proxy by what it says of contexts and of proxies. */
function fitsProxy({ match }: ConfigPatch, proxy: Patched): boolean {
  const context = match?.context ?? 'ANY';
  if (context !== 'ANY' && (context === 'GATEWAY') !== (proxy.kind === 'gateway')) return false;
  if (context === 'WAYPOINT') return false;
  const { proxyVersion, metadata = {} } = match?.proxy ?? {};
  const own = proxyMetadata(proxy);
  return (!proxyVersion || fitsVersion(proxyVersion)) && Object.entries(metadata).every(([k, v]) => own[k] === v);
}

/** What a proxy says of itself in its node's metadata, as far as it is text that its whole workload has in common. */
export function proxyMetadata(proxy: Pick<Proxy, 'namespace' | 'workload' | 'serviceAccount'>): Readonly<Record<string, string>> {
  return {
    NAMESPACE: proxy.namespace,
    SERVICE_ACCOUNT: proxy.serviceAccount,
    WORKLOAD_NAME: proxy.workload,
    ISTIO_VERSION,
    CLUSTER_ID: 'Kubernetes',
  };
}

function fitsVersion(regex: string): boolean {
  try {
    return RE2JS.compile(regex).matcher(ISTIO_VERSION).find();
  } catch {
    return false;
  }
}

/** The object as resources name what they are made of. */
export function patchOrigin({ metadata }: EnvoyFilter): string {
  return `EnvoyFilter ${metadata?.namespace}/${metadata?.name}`;
}

/** A problem of a patch, at a path below it. */
export function patchProblem({ owner, index }: EnvoyPatch, path: string, what: Omit<Problem, 'object' | 'path'>): Problem {
  const { namespace, name = '' } = owner.metadata ?? {};
  return {
    object: { kind: 'EnvoyFilter', namespace, name },
    path: `spec.configPatches[${index}]${path && `.${path}`}`,
    ...what,
  };
}
