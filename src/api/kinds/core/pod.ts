import { canonicalJson } from '../../../base/index.ts';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { Pods } from '../../resources.ts';
import { checkLabels, type Causes } from '../check.ts';
import { ageColumn, column, nameColumn, wide } from '../columns.ts';
import { define, PROXY_VERBS } from '../define.ts';
import { defaultPod } from './pod-defaults.ts';
import { podSummary, readinessGatesText } from './pod-status.ts';
import { checkPodSpec } from './pod-validation.ts';

export const pods = define<Pod>({
  resource: Pods,
  shortNames: ['po'],
  categories: ['all'],
  schema: 'k8s.io.api.core.v1.Pod',
  status: true,
  subresources: [
    { name: 'attach', group: '', version: 'v1', kind: 'PodAttachOptions', verbs: ['create', 'get'] },
    { name: 'binding', group: '', version: 'v1', kind: 'Binding', verbs: ['create'] },
    { name: 'eviction', group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] },
    { name: 'exec', group: '', version: 'v1', kind: 'PodExecOptions', verbs: ['create', 'get'] },
    { name: 'log', group: '', version: 'v1', kind: 'Pod', verbs: ['get'] },
    { name: 'portforward', group: '', version: 'v1', kind: 'PodPortForwardOptions', verbs: ['create', 'get'] },
    { name: 'proxy', group: '', version: 'v1', kind: 'PodProxyOptions', verbs: PROXY_VERBS },
  ],
  default: defaultPod,
  check,
  columns: [
    nameColumn,
    column('Ready', (o, now) => podSummary(o, now).ready),
    column('Status', (o, now) => podSummary(o, now).status),
    column('Restarts', (o, now) => podSummary(o, now).restarts),
    ageColumn,
    wide('IP', (o) => o.status?.podIPs?.[0]?.ip ?? o.status?.podIP ?? '<none>'),
    wide('Node', (o) => o.spec?.nodeName || '<none>'),
    wide('Nominated Node', (o) => o.status?.nominatedNodeName || '<none>'),
    wide('Readiness Gates', readinessGatesText),
  ],
  selectableFields: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.podIPs',
    'status.nominatedNodeName',
  ],
});

function check(causes: Causes, pod: Pod, old: Pod | undefined): void {
  if (!pod.spec) return causes.required('spec.containers');
  if (!old && pod.spec.ephemeralContainers?.length) causes.forbidden('spec.ephemeralContainers', 'cannot be set on create');
  checkPodSpec(causes, 'spec', pod.spec);
  checkLabels(causes, 'spec.nodeSelector', pod.spec.nodeSelector);
  const counts = (spec: Pod['spec']): string => `${spec?.containers?.length} ${spec?.initContainers?.length ?? 0}`;
  if (old && counts(pod.spec) !== counts(old.spec)) causes.forbidden('spec.containers', 'pod updates may not add or remove containers');
  else if (old?.spec && fixedPart(pod.spec) !== fixedPart(old.spec)) {
    causes.forbidden(
      'spec',
      'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
    );
  }
}

/** What of a pod's spec stays as it was made; the node is set later, by binding. */
function fixedPart(spec: NonNullable<Pod['spec']>): string {
  const {
    activeDeadlineSeconds: _deadline,
    tolerations: _tolerations,
    terminationGracePeriodSeconds: _grace,
    ephemeralContainers: _ephemeral,
    nodeName: _node,
    ...rest
  } = spec;
  const withoutImage = (containers: NonNullable<typeof spec.containers> | undefined): unknown =>
    containers?.map((c) => ({ ...c, image: '' }));
  return canonicalJson({ ...rest, containers: withoutImage(spec.containers), initContainers: withoutImage(spec.initContainers) });
}
