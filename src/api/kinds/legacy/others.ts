/** Old versions that differ little, or in name only, from the stored ones. */
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import type { LegacyVersion } from '../../kind.ts';
import type { AnyObject } from '../../object.ts';
import { oldVersion, withSpec } from './version.ts';

/** An old version in which only the name of the version differs. */
function renamed(of: string, kind: string, until: readonly [number, number], instead?: string): LegacyVersion[] {
  const [group] = of.split('/');
  return [oldVersion({ of, kind, until, use: instead ?? `${group}/v1 ${kind}` })];
}

export const oldCronJobs = renamed('batch/v1beta1', 'CronJob', [21, 25]);
export const oldLeases = renamed('coordination.k8s.io/v1beta1', 'Lease', [19, 22]);
export const oldPriorityClasses = renamed('scheduling.k8s.io/v1beta1', 'PriorityClass', [14, 22]);
export const oldRuntimeClasses = renamed('node.k8s.io/v1beta1', 'RuntimeClass', [22, 25], '');
export const oldStorageClasses = renamed('storage.k8s.io/v1beta1', 'StorageClass', [19, 22]);
export const oldCsiDrivers = renamed('storage.k8s.io/v1beta1', 'CSIDriver', [19, 22]);
export const oldCsiNodes = renamed('storage.k8s.io/v1beta1', 'CSINode', [17, 22]);
export const oldCsiStorageCapacities = renamed('storage.k8s.io/v1beta1', 'CSIStorageCapacity', [24, 27]);
export const oldVolumeAttachments = renamed('storage.k8s.io/v1beta1', 'VolumeAttachment', [19, 22]);
export const oldVolumeAttributesClasses = renamed('storage.k8s.io/v1beta1', 'VolumeAttributesClass', [34, 37]);
export const oldFlowSchemas = renamed('flowcontrol.apiserver.k8s.io/v1beta3', 'FlowSchema', [29, 32]);
export const oldPriorityLevels = renamed('flowcontrol.apiserver.k8s.io/v1beta3', 'PriorityLevelConfiguration', [29, 32]);

/** Old versions of the kinds of access control. */
export const oldRbac = (kind: string): LegacyVersion[] => renamed('rbac.authorization.k8s.io/v1beta1', kind, [17, 22]);

export const oldSigningRequests: readonly LegacyVersion[] = [
  oldVersion({
    of: 'certificates.k8s.io/v1beta1',
    kind: 'CertificateSigningRequest',
    until: [19, 22],
    use: 'certificates.k8s.io/v1 CertificateSigningRequest',
    upgrade: (o) => withSpec(o, (spec) => ({ signerName: 'kubernetes.io/legacy-unknown', ...spec })),
  }),
];

/** An empty selector of a budget chose no pod before v1, and chooses every pod since: each version says it in words that the other knows. */
const NO_POD = { matchExpressions: [{ key: 'pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match', operator: 'Exists' }] };
const EVERY_POD = { matchExpressions: [{ key: 'pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match', operator: 'DoesNotExist' }] };

function reselected(o: AnyObject, words: readonly (readonly [object, object])[]): AnyObject {
  const swap = (selector: unknown): unknown => words.find(([from]) => JSON.stringify(from) === JSON.stringify(selector))?.[1] ?? selector;
  return withSpec(o, (spec) => (spec['selector'] ? { ...spec, selector: swap(spec['selector']) } : spec));
}

export const oldDisruptionBudgets: readonly LegacyVersion[] = [
  oldVersion({
    of: 'policy/v1beta1',
    kind: 'PodDisruptionBudget',
    until: [21, 25],
    use: 'policy/v1 PodDisruptionBudget',
    upgrade: (o) =>
      reselected(o, [
        [{}, NO_POD],
        [EVERY_POD, {}],
      ]),
    downgrade: (o) =>
      reselected(o, [
        [NO_POD, {}],
        [{}, EVERY_POD],
      ]),
  }),
];

const ZONE = 'topology.kubernetes.io/zone';
type Endpoint = EndpointSlice['endpoints'][number];
type OldEndpoint = Omit<Endpoint, 'zone' | 'deprecatedTopology'> & { topology?: Record<string, string> };

/** The object with other endpoints, from or to the old form. */
function endpoints(o: AnyObject, change: (endpoint: Endpoint & OldEndpoint) => object): AnyObject {
  return Array.isArray(o['endpoints']) ? { ...o, endpoints: o['endpoints'].map(change) } : o;
}

export const oldEndpointSlices: readonly LegacyVersion[] = [
  oldVersion({
    of: 'discovery.k8s.io/v1beta1',
    kind: 'EndpointSlice',
    message: 'k8s.io.api.discovery.v1beta1.EndpointSlice',
    until: [21, 25],
    use: 'discovery.k8s.io/v1 EndpointSlice',
    upgrade: (o) =>
      endpoints(o, ({ topology, ...rest }): Endpoint => {
        const { [ZONE]: zone, ...other } = topology ?? {};
        return { ...rest, ...(zone ? { zone } : {}), ...(Object.keys(other).length ? { deprecatedTopology: other } : {}) };
      }),
    downgrade: (o) =>
      endpoints(o, ({ zone, deprecatedTopology, ...rest }): OldEndpoint => {
        const topology = { ...deprecatedTopology, ...(zone ? { [ZONE]: zone } : {}) };
        return { ...rest, ...(Object.keys(topology).length ? { topology } : {}) };
      }),
  }),
];
