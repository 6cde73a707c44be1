import type { LimitRange, LimitRangeItem, ResourceQuota } from 'kubernetes-types/core/v1.js';
import { canonicalQuantity, parseQuantity } from '../../../base/index.ts';
import type { Resource } from '../../object.ts';
import { type Causes, checkQuantity, checkResourceName, CONTAINER_RESOURCES, follow, qualifiedName } from '../check.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { define } from '../define.ts';

const Limits: Resource<LimitRange> = { group: '', version: 'v1', kind: 'LimitRange', plural: 'limitranges', namespaced: true };
const Quotas: Resource<ResourceQuota> = { group: '', version: 'v1', kind: 'ResourceQuota', plural: 'resourcequotas', namespaced: true };

type Amounts = Record<string, string>;

export const limitRanges = define<LimitRange>({
  resource: Limits,
  shortNames: ['limits'],
  schema: 'k8s.io.api.core.v1.LimitRange',
  default(o) {
    for (const limit of (o.spec ??= {} as NonNullable<LimitRange['spec']>).limits ?? [])
      if (limit.type === 'Container') defaultContainerLimit(limit);
  },
  check(causes, o) {
    const types = new Set<string>();
    o.spec?.limits?.forEach((limit, i) => {
      const at = `spec.limits[${i}]`;
      checkLimitType(causes, `${at}.type`, limit.type);
      if (types.has(limit.type)) causes.duplicate(`${at}.type`, limit.type);
      types.add(limit.type);
      checkLimit(causes, at, limit);
    });
  },
  columns: [nameColumn, column('Created At', (o) => o.metadata?.creationTimestamp ?? '', 'date')],
});

/** A limit is the maximum where none is named, and what is asked for is the limit, else the minimum. */
function defaultContainerLimit(limit: LimitRangeItem): void {
  const most: Amounts = { ...limit.max, ...limit.default };
  const asked: Amounts = { ...limit.min, ...most, ...limit.defaultRequest };
  if (Object.keys(most).length) limit.default = most;
  if (Object.keys(asked).length) limit.defaultRequest = asked;
}

const LIMIT_TYPES: ReadonlySet<string> = new Set(['Pod', 'Container', 'PersistentVolumeClaim']);

function checkLimitType(causes: Causes, field: string, type: string | undefined): void {
  if (qualifiedName(type ?? '')) follow(causes, field, type, qualifiedName);
  else if (!type?.includes('/') && !LIMIT_TYPES.has(type!)) {
    causes.invalid(field, type, 'must be a standard limit type or fully qualified');
  }
}

function checkLimit(causes: Causes, at: string, limit: LimitRangeItem): void {
  const {
    min = {},
    max = {},
    maxLimitRequestRatio: ratio = {},
  } = limit as { min?: Amounts; max?: Amounts; maxLimitRequestRatio?: Amounts };
  if (limit.type === 'Pod') {
    for (const field of ['default', 'defaultRequest'] as const) {
      if (Object.keys(limit[field] ?? {}).length) causes.forbidden(`${at}.${field}`, "may not be specified when `type` is 'Pod'");
    }
  }
  const { default: most = {}, defaultRequest: asked = {} } = (limit.type === 'Pod' ? {} : limit) as Pick<
    LimitRangeItem,
    'default' | 'defaultRequest'
  > as { default?: Amounts; defaultRequest?: Amounts };
  if (limit.type === 'PersistentVolumeClaim' && !min['storage'] && !max['storage']) {
    causes.required(`${at}.limits`, 'either minimum or maximum storage value is required, but neither was provided');
  }
  for (const [field, amounts] of Object.entries({ max, min, default: most, defaultRequest: asked, maxLimitRequestRatio: ratio })) {
    for (const name of Object.keys(amounts)) {
      checkResourceName(causes, `${at}.${field}[${name}]`, name, limit.type === 'Container' ? CONTAINER_RESOURCES : undefined);
    }
  }
  const ordered = (
    field: string,
    name: string,
    low: string | undefined,
    high: string | undefined,
    shown: string | undefined,
    why: string,
  ) => {
    const [a, b] = [low, high].map((q) => (q === undefined ? undefined : parseQuantity(q)));
    if (a !== undefined && b !== undefined && a > b) causes.invalid(`${at}.${field}[${name}]`, shown, why);
  };
  for (const name of new Set([min, max, most, asked, ratio].flatMap((amounts) => Object.keys(amounts)))) {
    const [a, b, c, d] = [min[name], max[name], most[name], asked[name]];
    ordered('min', name, a, b, a, `min value ${a} is greater than max value ${b}`);
    ordered('defaultRequest', name, a, d, d, `min value ${a} is greater than default request value ${d}`);
    ordered('defaultRequest', name, d, b, d, `default request value ${d} is greater than max value ${b}`);
    ordered('defaultRequest', name, d, c, d, `default request value ${d} is greater than default limit value ${c}`);
    ordered('default', name, a, c, a, `min value ${a} is greater than default value ${c}`);
    ordered('default', name, c, b, b, `default value ${c} is greater than max value ${b}`);
    ordered('maxLimitRequestRatio', name, '1', ratio[name], ratio[name], `ratio ${ratio[name]} is less than 1`);
  }
}

const SCOPES: ReadonlySet<string> = new Set([
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
  'VolumeAttributesClass',
]);

export const resourceQuotas = define<ResourceQuota>({
  resource: Quotas,
  shortNames: ['quota'],
  schema: 'k8s.io.api.core.v1.ResourceQuota',
  status: true,
  default(o) {
    o.spec ??= {};
    (o as { status?: object }).status ??= {};
  },
  check(causes, o, old) {
    for (const [name, quantity] of Object.entries(o.spec?.hard ?? {})) {
      checkResourceName(causes, `spec.hard[${name}]`, name, QUOTA_RESOURCES);
      checkQuantity(causes, `spec.hard[${name}]`, quantity);
      if (COUNTED.test(name) && (parseQuantity(quantity) ?? 0) % 1 !== 0) {
        causes.invalid(`spec.hard[${name}]`, canonicalQuantity(quantity), 'must be an integer');
      }
    }
    o.spec?.scopes?.forEach((scope) => {
      if (!SCOPES.has(scope)) causes.invalid('spec.scopes', o.spec?.scopes, 'unsupported scope');
    });
    if (old) causes.immutable('spec.scopes', [...(o.spec?.scopes ?? [])].sort(), [...(old.spec?.scopes ?? [])].sort());
  },
  columns: [
    nameColumn,
    column('Request', (o) => quotaText(o, (name) => !name.startsWith('limits.'))),
    column('Limit', (o) => quotaText(o, (name) => name.startsWith('limits.'))),
    ageColumn,
  ],
});

const QUOTA_RESOURCES = {
  names:
    /^(cpu|memory|ephemeral-storage|(requests|limits)\.(cpu|memory|ephemeral-storage)|requests\.storage|pods|resourcequotas|services(\.nodeports|\.loadbalancers)?|replicationcontrollers|secrets|configmaps|persistentvolumeclaims|(requests\.)?hugepages-.*)$/,
  why: 'must be a standard resource for quota',
};

/** What is counted, in whole numbers. */
const COUNTED =
  /^(count\/.*|pods|resourcequotas|services(\.nodeports|\.loadbalancers)?|replicationcontrollers|secrets|configmaps|persistentvolumeclaims)$/;

function quotaText(o: ResourceQuota, shown: (name: string) => boolean): string {
  const { hard = {}, used = {} } = o.status ?? {};
  return Object.keys(hard)
    .filter(shown)
    .sort()
    .map((name) => `${name}: ${used[name] ?? '0'}/${hard[name]}`)
    .join(', ');
}
