/** What objects use of quotas. Pure. */
import type { PersistentVolumeClaim, Pod, ResourceQuota, Service } from 'kubernetes-types/core/v1.js';
import type { AnyObject, KindDef } from '../../../api/index.ts';
import { plus, podAmounts, type Amounts } from './amounts.ts';

/** Kinds of the core group that are counted under their plain names, too. */
const PLAIN: ReadonlySet<string> = new Set([
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
]);

/** The kind of objects that a resource of a quota is used by: its group and plural. */
export function kindCounted(resource: string): { readonly group: string; readonly plural: string } {
  const [, counted] = /^count\/(.*)$/.exec(resource) ?? [];
  if (counted !== undefined) {
    const dot = counted.indexOf('.');
    return dot < 0 ? { group: '', plural: counted } : { group: counted.slice(dot + 1), plural: counted.slice(0, dot) };
  }
  if (resource.startsWith('services')) return { group: '', plural: 'services' };
  if (resource.endsWith('requests.storage') || resource.endsWith('persistentvolumeclaims'))
    return { group: '', plural: 'persistentvolumeclaims' };
  return { group: '', plural: PLAIN.has(resource) ? resource : 'pods' };
}

/** What one object uses, under every name that a quota may have for it. */
export function usageOf({ resource: { group, plural } }: Pick<KindDef, 'resource'>, object: AnyObject): Amounts {
  const counted = { [`count/${group ? `${plural}.${group}` : plural}`]: 1 };
  if (group !== '') return counted;
  switch (plural) {
    case 'pods':
      return isOver(object as Pod) ? counted : { ...counted, pods: 1, ...computeUsage(object as Pod) };
    case 'services':
      return { ...counted, services: 1, ...serviceUsage(object as Service) };
    case 'persistentvolumeclaims':
      return { ...counted, persistentvolumeclaims: 1, ...claimUsage(object as PersistentVolumeClaim) };
    default:
      return PLAIN.has(plural) ? { ...counted, [plural]: 1 } : counted;
  }
}

function isOver({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

function computeUsage(pod: Pod): Amounts {
  const out: Record<string, number> = {};
  for (const [name, value] of Object.entries(podAmounts(pod, 'requests'))) {
    if (['cpu', 'memory', 'ephemeral-storage'].includes(name) || name.startsWith('hugepages-')) out[name] = value;
    out[`requests.${name}`] = value;
  }
  for (const [name, value] of Object.entries(podAmounts(pod, 'limits'))) out[`limits.${name}`] = value;
  return out;
}

function serviceUsage({ spec }: Service): Amounts {
  const ports = spec?.ports?.length ?? 0;
  if (spec?.type === 'NodePort') return { 'services.nodeports': ports };
  if (spec?.type !== 'LoadBalancer') return {};
  const open = spec.allocateLoadBalancerNodePorts === false ? (spec.ports ?? []).filter((p) => p.nodePort).length : ports;
  return { 'services.loadbalancers': 1, 'services.nodeports': open };
}

function claimUsage({ spec }: PersistentVolumeClaim): Amounts {
  const storage = podAmounts(
    { spec: { containers: [{ name: '', resources: { requests: spec?.resources?.requests ?? {} } }] } },
    'requests',
  )['storage'];
  const own: Amounts = storage === undefined ? {} : { 'requests.storage': storage };
  if (!spec?.storageClassName) return own;
  const prefix = `${spec.storageClassName}.storageclass.storage.k8s.io/`;
  const ofClass = Object.entries({ persistentvolumeclaims: 1, ...own }).map(([name, value]) => [`${prefix}${name}`, value] as const);
  return plus(own, Object.fromEntries(ofClass));
}

interface ScopeRequirement {
  readonly scopeName: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

/** True when an object is one that the quota's scopes are about. */
export function inScope({ spec }: ResourceQuota, { resource }: Pick<KindDef, 'resource'>, object: AnyObject): boolean {
  const requirements: ScopeRequirement[] = [
    ...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...((spec?.scopeSelector?.matchExpressions ?? []) as ScopeRequirement[]),
  ];
  if (requirements.length === 0) return true;
  if (resource.group !== '' || resource.plural !== 'pods') return false;
  return requirements.every((requirement) => hasScope(object as Pod, requirement));
}

function hasScope({ spec }: Pod, { scopeName, operator, values = [] }: ScopeRequirement): boolean {
  switch (scopeName) {
    case 'Terminating':
      return spec?.activeDeadlineSeconds !== undefined;
    case 'NotTerminating':
      return spec?.activeDeadlineSeconds === undefined;
    case 'BestEffort':
      return isBestEffort(spec);
    case 'NotBestEffort':
      return !isBestEffort(spec);
    case 'PriorityClass': {
      const name = spec?.priorityClassName ?? '';
      if (operator === 'Exists') return name !== '';
      if (operator === 'DoesNotExist') return name === '';
      return (operator === 'In') === (name !== '' && values.includes(name));
    }
    default:
      return false;
  }
}

function isBestEffort(spec: Pod['spec']): boolean {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].every(({ resources }) =>
    [resources?.requests, resources?.limits].every((given) => !given?.['cpu'] && !given?.['memory']),
  );
}

/** Resources that each container has to name where a quota counts them. */
const DEMANDED = ['cpu', 'limits.cpu', 'limits.memory', 'memory', 'requests.cpu', 'requests.memory'];

/** What a pod leaves unsaid that a quota on these resources demands: `limits.cpu for: app; ...`, or nothing. */
export function unsaid({ spec }: Pod, resources: readonly string[]): string {
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  return DEMANDED.filter((name) => resources.includes(name))
    .flatMap((name) => {
      const [, field, plain] = /^(?:(limits|requests)\.)?(.*)$/.exec(name)!;
      const silent = containers.filter(({ resources: r }) => r?.[(field ?? 'requests') as 'limits']?.[plain!] === undefined);
      return silent.length > 0
        ? [
            `${name} for: ${silent
              .map((c) => c.name)
              .sort()
              .join(',')}`,
          ]
        : [];
    })
    .join('; ');
}
