/** What `/api`, `/apis` and the paths below them say the server has. Derived from the catalog; good for one generation of it. */
import { partsOf, versionsOf, type Catalog, type Served } from './catalog.ts';
import { apiVersionOf } from './object.ts';

/** What can be done with objects of every kind. */
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const PART_VERBS = ['get', 'patch', 'update'];

interface TypeName {
  group: string;
  version: string;
  kind: string;
}

interface Part {
  name: string;
  type: TypeName;
  verbs: readonly string[];
}

/** Subresources of a kind as served in one version, by name. */
function subresourcesOf(served: Served): Part[] {
  const { def } = served;
  const own = { group: served.group, version: served.version, kind: def.resource.kind };
  const parts: Part[] = (def.subresources ?? []).map(({ name, group, version, kind, verbs }) => ({
    name,
    type: { group, version, kind },
    verbs,
  }));
  const { status, scale } = partsOf(served);
  if (scale) parts.push({ name: 'scale', type: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs: PART_VERBS });
  if (status) parts.push({ name: 'status', type: own, verbs: PART_VERBS });
  return parts.sort((a, b) => (a.name < b.name ? -1 : 1));
}

interface GroupVersion {
  readonly group: string;
  readonly version: string;
  readonly served: readonly Served[];
}

/** Of former times: clients take a kind from the first group that has it. */
const LAST = 'extensions';

/** Every group and version with the kinds in it: groups as they were added, versions from the most stable and newest. */
export function groupVersions(catalog: Catalog): GroupVersion[] {
  const groups = new Map<string, Map<string, Served[]>>();
  for (const def of catalog.all()) {
    for (const served of versionsOf(def)) {
      const versions = groups.get(served.group) ?? new Map<string, Served[]>();
      groups.set(served.group, versions);
      versions.set(served.version, [...(versions.get(served.version) ?? []), served]);
    }
  }
  const inOrder = [...groups].sort(([a], [b]) => Number(a === LAST) - Number(b === LAST));
  return inOrder.flatMap(([group, versions]) =>
    [...versions].sort(([a], [b]) => byStability(a, b)).map(([version, served]) => ({ group, version, served })),
  );
}

/** Orders versions as Kubernetes does: v2, v1, v1beta1, v1alpha3, others. */
function byStability(a: string, b: string): number {
  const [x, y] = [rank(a), rank(b)];
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return y[i]! - x[i]!;
  return a < b ? -1 : a > b ? 1 : 0;
}

function rank(version: string): [stability: number, major: number, minor: number] {
  const m = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (!m) return [0, 0, 0];
  return [m[2] === undefined ? 3 : m[2] === 'beta' ? 2 : 1, Number(m[1]), Number(m[3] ?? 0)];
}

/** The aggregated document of `/api`. */
export function coreDiscovery(catalog: Catalog): object {
  return aggregated(groupVersions(catalog).filter((gv) => gv.group === ''));
}

/** The aggregated document of `/apis`. */
export function groupsDiscovery(catalog: Catalog): object {
  return aggregated(groupVersions(catalog).filter((gv) => gv.group !== ''));
}

function aggregated(all: readonly GroupVersion[]): object {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: [...Map.groupBy(all, (gv) => gv.group)].map(([group, versions]) => ({
      metadata: { ...(group ? { name: group } : {}), creationTimestamp: null },
      versions: versions.map(({ version, served }) => ({
        version,
        resources: served.map(aggregatedResource),
        freshness: 'Current',
      })),
    })),
  };
}

function aggregatedResource(served: Served): object {
  const { def } = served;
  const parts = subresourcesOf(served);
  return {
    resource: def.resource.plural,
    responseKind: { group: served.group, version: served.version, kind: def.resource.kind },
    scope: def.resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: def.singular,
    verbs: def.verbs ?? VERBS,
    ...names(served),
    ...(parts.length ? { subresources: parts.map(({ name, type, verbs }) => ({ subresource: name, responseKind: type, verbs })) } : {}),
  };
}

/** Short names and categories; a version to be avoided that moved to another group has none, or all would be listed twice. */
function names({ def, legacy }: Served): object {
  if (legacy?.warning && legacy.group !== def.resource.group) return {};
  return {
    ...(def.shortNames.length ? { shortNames: def.shortNames } : {}),
    ...(def.categories.length ? { categories: def.categories } : {}),
  };
}

/** The plain document of `/api`; `address` is `host:port` as the client reaches the server. */
export function apiVersions(address: string): object {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }] };
}

/** The plain document of `/apis`. */
export function apiGroupList(catalog: Catalog): object {
  const groups = Map.groupBy(groupVersions(catalog), (gv) => gv.group);
  groups.delete('');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: [...groups].map(([name, versions]) => groupBody(name, versions)) };
}

/** The document of `/apis/<group>`, or undefined when there is no such group. */
export function apiGroup(catalog: Catalog, group: string): object | undefined {
  const versions = groupVersions(catalog).filter((gv) => gv.group === group);
  return group && versions.length ? { kind: 'APIGroup', apiVersion: 'v1', ...groupBody(group, versions) } : undefined;
}

function groupBody(name: string, all: readonly GroupVersion[]): object {
  const versions = all.map(({ group, version }) => ({ groupVersion: apiVersionOf({ group, version }), version }));
  return { name, versions, preferredVersion: versions[0] };
}

/** The document of `/api/v1` or `/apis/<group>/<version>`, or undefined when there is no such group and version. */
export function apiResourceList(catalog: Catalog, group: string, version: string): object | undefined {
  const gv = groupVersions(catalog).find((g) => g.group === group && g.version === version);
  if (!gv) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf(gv),
    resources: gv.served.flatMap((served) => {
      const { def } = served;
      const { namespaced, plural, kind } = def.resource;
      return [
        { name: plural, singularName: def.singular, namespaced, kind, verbs: def.verbs ?? VERBS, ...names(served) },
        ...subresourcesOf(served).map(({ name, type, verbs }) => ({
          name: `${plural}/${name}`,
          singularName: '',
          namespaced,
          ...(type.group === group && type.version === version ? {} : { group: type.group, version: type.version }),
          kind: type.kind,
          verbs,
        })),
      ];
    }),
  };
}
