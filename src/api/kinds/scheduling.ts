import type { RuntimeClass } from 'kubernetes-types/node/v1.js';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1.js';
import type { Resource } from '../object.ts';
import { checkLabels, dnsLabel, follow } from './check.ts';
import { ageColumn, column, nameColumn } from './columns.ts';
import { define } from './define.ts';
import { oldPriorityClasses, oldRuntimeClasses } from './legacy/others.ts';

const Priorities: Resource<PriorityClass> = {
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  namespaced: false,
};

/** The most a class of a user may have; what is above belongs to the system's two. */
const HIGHEST = 1_000_000_000;
const SYSTEM: Readonly<Record<string, number>> = { 'system-cluster-critical': 2_000_000_000, 'system-node-critical': 2_000_001_000 };

export const priorityClasses = define<PriorityClass>({
  resource: Priorities,
  shortNames: ['pc'],
  schema: 'k8s.io.api.scheduling.v1.PriorityClass',
  default(o) {
    o.value ??= 0;
    o.preemptionPolicy ??= 'PreemptLowerPriority';
  },
  check(causes, o, old) {
    const name = o.metadata?.name ?? '';
    if (name.startsWith('system-')) {
      const why =
        SYSTEM[name] === undefined
          ? `${name} is not a known system priority class`
          : SYSTEM[name] !== o.value
            ? `value of ${name} PriorityClass must be ${SYSTEM[name]}`
            : o.globalDefault
              ? `globalDefault of ${name} PriorityClass must be false`
              : undefined;
      if (why)
        causes.forbidden('metadata.name', `priority class names with 'system-' prefix are reserved for system use only. error: ${why}`);
    } else if (o.value > HIGHEST) causes.forbidden('value', `maximum allowed value of a user defined priority is ${HIGHEST}`);
    causes.oneOf('preemptionPolicy', o.preemptionPolicy, ['PreemptLowerPriority', 'Never']);
    if (!old) return;
    if (o.value !== old.value) causes.forbidden('value', 'may not be changed in an update.');
    causes.immutable('preemptionPolicy', o.preemptionPolicy, old.preemptionPolicy);
  },
  columns: [
    nameColumn,
    column('Value', (o) => o.value, 'integer'),
    column('Global-Default', (o) => o.globalDefault ?? false, 'boolean'),
    ageColumn,
    column('PreemptionPolicy', (o) => o.preemptionPolicy ?? ''),
  ],
  legacy: oldPriorityClasses,
});

const Runtimes: Resource<RuntimeClass> = {
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  plural: 'runtimeclasses',
  namespaced: false,
};

export const runtimeClasses = define<RuntimeClass>({
  resource: Runtimes,
  schema: 'k8s.io.api.node.v1.RuntimeClass',
  check(causes, o, old) {
    follow(causes, 'handler', o.handler, dnsLabel);
    checkLabels(causes, 'scheduling.nodeSelector', o.scheduling?.nodeSelector);
    if (old) causes.immutable('handler', o.handler, old.handler);
  },
  columns: [nameColumn, column('Handler', (o) => o.handler), ageColumn],
  legacy: oldRuntimeClasses,
});
