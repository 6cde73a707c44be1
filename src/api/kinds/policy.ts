import type { Lease } from 'kubernetes-types/coordination/v1.js';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1.js';
import { Leases, PodDisruptionBudgets } from '../resources.ts';
import { checkIntOrPercent } from './apps/template.ts';
import { asGo, checkSelector } from './check.ts';
import { ageColumn, column, nameColumn } from './columns.ts';
import { define } from './define.ts';
import { oldDisruptionBudgets, oldLeases } from './legacy/others.ts';

const SPEC = { MinAvailable: null, Selector: null, MaxUnavailable: null, UnhealthyPodEvictionPolicy: null };

export const podDisruptionBudgets = define<PodDisruptionBudget>({
  resource: PodDisruptionBudgets,
  shortNames: ['pdb'],
  schema: 'k8s.io.api.policy.v1.PodDisruptionBudget',
  status: true,
  default(o) {
    o.spec ??= {};
    (o as { status?: object }).status ??= { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
  },
  check(causes, o) {
    const { minAvailable, maxUnavailable, selector } = o.spec ?? {};
    if (minAvailable !== undefined && maxUnavailable !== undefined) {
      causes.invalid('spec', asGo(o.spec!, SPEC), 'minAvailable and maxUnavailable cannot be both set');
    }
    checkIntOrPercent(causes, 'spec.minAvailable', minAvailable, { most: 100 });
    checkIntOrPercent(causes, 'spec.maxUnavailable', maxUnavailable, { most: 100 });
    causes.oneOf('spec.unhealthyPodEvictionPolicy', o.spec?.unhealthyPodEvictionPolicy, ['AlwaysAllow', 'IfHealthyBudget']);
    checkSelector(causes, 'spec.selector', selector);
  },
  columns: [
    nameColumn,
    column('Min Available', (o) => String(o.spec?.minAvailable ?? 'N/A')),
    column('Max Unavailable', (o) => String(o.spec?.maxUnavailable ?? 'N/A')),
    column('Allowed Disruptions', (o) => o.status?.disruptionsAllowed ?? 0, 'integer'),
    ageColumn,
  ],
  legacy: oldDisruptionBudgets,
});

export const leases = define<Lease>({
  resource: Leases,
  schema: 'k8s.io.api.coordination.v1.Lease',
  default(o) {
    o.spec ??= {};
  },
  check(causes, o) {
    const seconds = o.spec?.leaseDurationSeconds;
    if (seconds !== undefined && seconds <= 0) causes.invalid('spec.leaseDurationSeconds', seconds, 'must be greater than 0');
    causes.nonNegative('spec.leaseTransitions', o.spec?.leaseTransitions);
  },
  columns: [nameColumn, column('Holder', (o) => o.spec?.holderIdentity ?? ''), ageColumn],
  legacy: oldLeases,
});
