/** What EnvoyFilters make of the resources of a proxy. */
import type { PatchTarget } from '../api/index.ts';
import { memo, patchOrigin, type EnvoyPatch, type Proxy } from '../mesh/index.ts';
import { decode, encoded, resource } from './encode.ts';
import type { Json } from './json.ts';
import { hostOf } from './on-demand.ts';
import { fitsContext, mergedBy, Patches, type Context, type Patch } from './patch-list.ts';
import { patchListener } from './patch-listener.ts';
import { patchHost, patchTable, type TableFacts } from './patch-route.ts';
import { TypeUrl, type EnvoyResource, type ProxyResources } from './resource.ts';

/** A resource after the patches, and those that changed it. */
interface Patched {
  /** Absent when a patch takes it away. */
  readonly resource?: EnvoyResource;
  readonly by: ReadonlySet<EnvoyPatch>;
}

export interface PatchedResources {
  readonly resources: ProxyResources;
  /** Patches that found something to change. */
  readonly hits: ReadonlySet<EnvoyPatch>;
}

/** What patches of a resource are applied to. */
const CONCERNS: Readonly<Partial<Record<TypeUrl, readonly PatchTarget[]>>> = {
  [TypeUrl.listener]: [
    'LISTENER',
    'FILTER_CHAIN',
    'NETWORK_FILTER',
    'HTTP_FILTER',
    'LISTENER_FILTER',
    'EXTENSION_CONFIG',
    'ROUTE_CONFIGURATION',
    'VIRTUAL_HOST',
    'HTTP_ROUTE',
  ],
  [TypeUrl.route]: ['ROUTE_CONFIGURATION', 'VIRTUAL_HOST', 'HTTP_ROUTE'],
  [TypeUrl.virtualHost]: ['VIRTUAL_HOST', 'HTTP_ROUTE'],
  [TypeUrl.cluster]: ['CLUSTER'],
};

/** The objects that a patched resource is made of. */
function originsOf(patches: Iterable<EnvoyPatch>, before: readonly string[] = []): readonly string[] {
  return [...new Set([...before, ...[...patches].map((p) => patchOrigin(p.owner))])];
}

/** The patch of one resource, remembered by it and by the list of patches. `facts` is text, `whole` the host that it is a part of. */
const patched = memo((before: EnvoyResource, list: readonly EnvoyPatch[], kind: Proxy['kind'], facts: string): Patched => {
  const patches = new Patches(list);
  const json = decode(before.typeUrl, before.bytes);
  let after: Json | undefined;
  switch (before.typeUrl) {
    case TypeUrl.listener:
      after = patchListener(patches, json, contextOf(kind, json['traffic_direction'] === 'INBOUND'));
      break;
    case TypeUrl.route:
      after = patchTable(patches, json, JSON.parse(facts) as TableFacts, contextOf(kind, false));
      break;
    case TypeUrl.virtualHost:
      after = patchHost(patches, json, JSON.parse(facts) as TableFacts, contextOf(kind, false), { ...json, ...hostOf(before) });
      break;
    default:
      after = patchCluster(patches, json, contextOf(kind, before.name.startsWith('inbound|')));
  }
  if (!patches.hits.size) return { resource: before, by: patches.hits };
  if (!after) return { by: patches.hits };
  return {
    resource: resource(before.typeUrl, before.name, encoded(before.typeUrl, after), originsOf(patches.hits, before.from)),
    by: patches.hits,
  };
});

function contextOf(kind: Proxy['kind'], inbound: boolean): Context {
  return kind === 'gateway' ? 'GATEWAY' : inbound ? 'SIDECAR_INBOUND' : 'SIDECAR_OUTBOUND';
}

function patchCluster(patches: Patches, cluster: Json, context: Context): Json | undefined {
  let json = cluster;
  for (const patch of patches.to('CLUSTER')) {
    if (patch.operation === 'ADD' || !fitsContext(patch, context) || !fitsCluster(patch, String(cluster['name']))) continue;
    patches.hit(patch);
    if (patch.operation === 'REMOVE') return undefined;
    json = mergedBy(patch, json);
  }
  return json;
}

/** `outbound|80|v1|reviews.default.svc.cluster.local` */
function fitsCluster({ match: { cluster: said } }: Patch, name: string): boolean {
  if (!said) return true;
  const [, port = '', subset = '', host = ''] = name.split('|');
  return (
    (!said.name || said.name === name) &&
    (!said.portNumber || String(said.portNumber) === port) &&
    (!said.subset || said.subset === subset) &&
    (!said.service || said.service === host)
  );
}

/** Resources that a patch adds, under the name that it gives. */
const added = memo((from: EnvoyPatch, patch: Patch): EnvoyResource | undefined => {
  const typeUrl = { LISTENER: TypeUrl.listener, CLUSTER: TypeUrl.cluster }[from.spec.applyTo as string];
  const { name } = patch.value;
  if (patch.operation !== 'ADD' || !typeUrl || typeof name !== 'string' || !name) return undefined;
  return resource(typeUrl, name, encoded(typeUrl, patch.value), originsOf([from]));
});

/** What a proxy holds after the patches. Each resource is patched once for as long as neither it nor the list changes. */
export function patchResources(
  made: ProxyResources,
  list: readonly EnvoyPatch[],
  kind: Proxy['kind'],
  factsOf: (table: string) => TableFacts,
): PatchedResources {
  const hits = new Set<EnvoyPatch>();
  const each = (map: ReadonlyMap<string, EnvoyResource>, facts: (name: string) => TableFacts | undefined): Map<string, EnvoyResource> => {
    const after = new Map<string, EnvoyResource>();
    for (const [name, before] of map) {
      const concerned = before.bytes.length && !before.unfit && list.some((p) => CONCERNS[before.typeUrl]?.includes(p.spec.applyTo));
      const { resource: one, by } = concerned
        ? patched(before, list, kind, JSON.stringify(facts(name) ?? null))
        : { resource: before, by: [] };
      if (one) after.set(name, one);
      for (const patch of by) hits.add(patch);
    }
    return after;
  };
  const listeners = each(made.listeners, () => undefined);
  const clusters = each(made.clusters, () => undefined);
  for (const patch of new Patches(list).all) {
    const one = added(patch.from, patch);
    if (!one) continue;
    (one.typeUrl === TypeUrl.listener ? listeners : clusters).set(one.name, one);
    hits.add(patch.from);
  }
  const routes = each(made.routes, factsOf);
  const virtualHosts = each(made.virtualHosts, (name) => factsOf(name.slice(0, name.indexOf('/'))));
  return { resources: { ...made, listeners, clusters, routes, virtualHosts }, hits };
}
