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
    { name: 'ephemeralcontainers', group: '', version: 'v1', kind: 'Pod', verbs: ['get', 'patch', 'update'] },
    { name: 'exec', group: '', version: 'v1', kind: 'PodExecOptions', verbs: ['create', 'get'] },
    { name: 'log', group: '', version: 'v1', kind: 'Pod', verbs: ['get'] },
    { name: 'portforward', group: '', version: 'v1', kind: 'PodPortForwardOptions', verbs: ['create', 'get'] },
    { name: 'proxy', group: '', version: 'v1', kind: 'PodProxyOptions', verbs: PROXY_VERBS },
    { name: 'resize', group: '', version: 'v1', kind: 'Pod', verbs: ['get', 'patch', 'update'] },
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

function check(causes: Causes, pod: Pod, old: Pod | undefined, part: string | undefined): void {
  if (!pod.spec) return causes.required('spec.containers');
  if (!old && pod.spec.ephemeralContainers?.length) causes.forbidden('spec.ephemeralContainers', 'cannot be set on create');
  checkPodSpec(causes, 'spec', pod.spec);
  checkLabels(causes, 'spec.nodeSelector', pod.spec.nodeSelector);
  checkEphemeral(causes, pod.spec, old?.spec);
  const counts = (spec: Pod['spec']): string => `${spec?.containers?.length} ${spec?.initContainers?.length ?? 0}`;
  if (old) checkGates(causes, pod.spec, old.spec);
  if (old && counts(pod.spec) !== counts(old.spec)) causes.forbidden('spec.containers', 'pod updates may not add or remove containers');
  else if (old?.spec && fixedPart(pod.spec, part) !== fixedPart(old.spec, part)) {
    causes.forbidden(
      'spec',
      'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
    );
  }
}

/** Gates are only ever opened. */
function checkGates(causes: Causes, { schedulingGates = [] }: PodSpec, before: PodSpec | undefined): void {
  const known = new Set(before?.schedulingGates?.map((gate) => gate.name));
  schedulingGates.forEach(({ name }, i) => {
    if (known.has(name)) return;
    causes.forbidden(`spec.schedulingGates[${i}].name`, `only deletion is allowed, but found new scheduling gate '${name}'`);
  });
}

/** Containers that were put into a pod stay in it as they are; new ones may look at one that is there. */
function checkEphemeral(causes: Causes, spec: PodSpec, old: PodSpec | undefined): void {
  const others = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((c) => c.name);
  const names = new Set(others);
  spec.ephemeralContainers?.forEach((c, i) => {
    const at = `spec.ephemeralContainers[${i}]`;
    if (!c.name) causes.required(`${at}.name`);
    else if (names.has(c.name)) causes.duplicate(`${at}.name`, c.name);
    names.add(c.name);
    if (!c.image) causes.required(`${at}.image`);
    if (c.targetContainerName && !others.includes(c.targetContainerName))
      causes.notFound(`${at}.targetContainerName`, c.targetContainerName);
    for (const field of ['ports', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'] as const)
      if (c[field] !== undefined) causes.forbidden(`${at}.${field}`, 'cannot be set for an Ephemeral Container');
  });
  for (const before of old?.ephemeralContainers ?? []) {
    const now = spec.ephemeralContainers?.find((c) => c.name === before.name);
    if (!now) causes.forbidden('spec.ephemeralContainers', `existing ephemeral containers "${before.name}" may not be removed\n`);
    else if (canonicalJson(now) !== canonicalJson(before))
      causes.forbidden('spec.ephemeralContainers', `existing ephemeral containers "${before.name}" may not be changed\n`);
  }
}

type PodSpec = NonNullable<Pod['spec']>;

/** What of a pod's spec stays as it was made, for who writes this part of it; the node is set by binding. */
function fixedPart(spec: PodSpec, part: string | undefined): string {
  const {
    activeDeadlineSeconds: _deadline,
    tolerations: _tolerations,
    terminationGracePeriodSeconds: _grace,
    ephemeralContainers,
    schedulingGates: _gates,
    nodeName,
    ...rest
  } = spec;
  const withoutImage = (containers: NonNullable<typeof spec.containers> | undefined): unknown =>
    containers?.map((c) => ({ ...c, image: '', ...(part === 'resize' ? { resources: {} } : {}) }));
  const ephemeral = part === 'ephemeralcontainers' ? [] : (ephemeralContainers ?? []);
  return canonicalJson({
    ...rest,
    ...(part === 'binding' ? {} : { nodeName }),
    ephemeral,
    containers: withoutImage(spec.containers),
    initContainers: withoutImage(spec.initContainers),
  });
}
