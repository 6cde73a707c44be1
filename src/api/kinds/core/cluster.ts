import type { Namespace, Node, NodeSpec, NodeStatus } from 'kubernetes-types/core/v1.js';
import { Namespaces, Nodes } from '../../resources.ts';
import { asGo, type Causes, dnsLabel, follow, labelValue, qualifiedName } from '../check.ts';
import { ageColumn, column, nameColumn, wide } from '../columns.ts';
import { define, PROXY_VERBS } from '../define.ts';
import { checkCidr } from '../ip-validation.ts';

const NAME_LABEL = 'kubernetes.io/metadata.name';

export const namespaces = define<Namespace>({
  resource: Namespaces,
  shortNames: ['ns'],
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  schema: 'k8s.io.api.core.v1.Namespace',
  status: true,
  subresources: [{ name: 'finalize', group: '', version: 'v1', kind: 'Namespace', verbs: ['update'] }],
  nameRule: dnsLabel,
  default(o, old) {
    const meta = (o.metadata ??= {});
    if (meta.name) meta.labels = { ...meta.labels, [NAME_LABEL]: meta.name };
    // Only the `finalize` subresource takes the finalizers away.
    if (!old) (o.spec ??= {}).finalizers ??= ['kubernetes'];
    (o as { status?: { phase?: string } }).status ??= { phase: 'Active' };
  },
  columns: [nameColumn, column('Status', (o) => o.status?.phase ?? ''), ageColumn],
  selectableFields: ['status.phase'],
});

const ROLE_PREFIX = 'node-role.kubernetes.io/';

function rolesOf(node: Node): string {
  const roles = Object.entries(node.metadata?.labels ?? {}).flatMap(([key, value]) =>
    key.startsWith(ROLE_PREFIX) && key.length > ROLE_PREFIX.length
      ? [key.slice(ROLE_PREFIX.length)]
      : key === 'kubernetes.io/role' && value
        ? [value]
        : [],
  );
  return [...new Set(roles)].sort().join(',') || '<none>';
}

function nodeStatus(node: Node): string {
  const ready = node.status?.conditions?.find((c) => c.type === 'Ready');
  const words = [ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown'];
  if (node.spec?.unschedulable) words.push('SchedulingDisabled');
  return words.join(',');
}

const addressOf = (node: Node, type: string): string => node.status?.addresses?.find((a) => a.type === type)?.address ?? '<none>';

/** What a node tells of itself; never left out, so empty until it does. */
const NODE_INFO = [
  'architecture',
  'bootID',
  'containerRuntimeVersion',
  'kernelVersion',
  'kubeProxyVersion',
  'kubeletVersion',
  'machineID',
  'operatingSystem',
  'osImage',
  'systemUUID',
];

/** The range of a node's pods is given once. */
function checkPodRange(causes: Causes, { podCIDR, podCIDRs }: NodeSpec, before: NodeSpec | undefined): void {
  for (const [i, range] of (podCIDRs ?? (podCIDR ? [podCIDR] : [])).entries()) checkCidr(causes, `spec.podCIDRs[${i}]`, range);
  if (before?.podCIDR && podCIDR !== before.podCIDR) {
    causes.forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid');
  }
}

export const nodes = define<Node>({
  resource: Nodes,
  shortNames: ['no'],
  schema: 'k8s.io.api.core.v1.Node',
  status: true,
  default(o) {
    o.spec ??= {};
    const status = ((o as { status?: NodeStatus }).status ??= {});
    status.daemonEndpoints ??= { kubeletEndpoint: { Port: 0 } };
    status.nodeInfo ??= Object.fromEntries(NODE_INFO.map((field) => [field, ''])) as unknown as NonNullable<NodeStatus['nodeInfo']>;
    if (status.capacity) status.allocatable ??= { ...status.capacity };
  },
  subresources: [{ name: 'proxy', group: '', version: 'v1', kind: 'NodeProxyOptions', verbs: PROXY_VERBS }],
  check(causes, o, old) {
    checkPodRange(causes, o.spec ?? {}, old?.spec);
    const taints = new Set<string>();
    o.spec?.taints?.forEach((taint, i) => {
      follow(causes, `metadata.taints[${i}].key`, taint.key, qualifiedName);
      if (taint.value) follow(causes, `metadata.taints[${i}].value`, taint.value, labelValue);
      causes.oneOf(`metadata.taints[${i}].effect`, taint.effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute']);
      const pair = `${taint.key}:${taint.effect}`;
      if (taints.has(pair)) {
        const shown = asGo(taint, { Key: '', Value: '', Effect: '', TimeAdded: null });
        causes.duplicate(`metadata.taints[${i}]`, shown, 'taints must be unique by key and effect pair');
      }
      taints.add(pair);
    });
  },
  columns: [
    nameColumn,
    column('Status', nodeStatus),
    column('Roles', rolesOf),
    ageColumn,
    column('Version', (o) => o.status?.nodeInfo?.kubeletVersion ?? ''),
    wide('Internal-IP', (o) => addressOf(o, 'InternalIP')),
    wide('External-IP', (o) => addressOf(o, 'ExternalIP')),
    wide('OS-Image', (o) => o.status?.nodeInfo?.osImage || '<unknown>'),
    wide('Kernel-Version', (o) => o.status?.nodeInfo?.kernelVersion || '<unknown>'),
    wide('Container-Runtime', (o) => o.status?.nodeInfo?.containerRuntimeVersion || '<unknown>'),
  ],
  selectableFields: ['spec.unschedulable'],
});
