import type { Pod } from 'kubernetes-types/core/v1.js';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1.js';
import { forbidden } from '../../errors.ts';
import { isPods } from '../../lifecycle.ts';
import type { Admission } from '../admission.ts';

/** Classes that are known before their objects are there. */
const SYSTEM: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
};

/** Gives pods the priority of their class, and of several classes only one to be the default. */
export function priorityAdmission(classes: () => readonly PriorityClass[]): Admission {
  const byDefault = (): PriorityClass | undefined =>
    classes()
      .filter((c) => c.globalDefault)
      .sort((a, b) => a.value - b.value)[0];
  return {
    mutate({ operation, def, name, subresource, object, oldObject }) {
      if (!isPods(def) || subresource !== undefined) return;
      const { spec } = object as Pod;
      if (!spec) return;
      const old = (oldObject as Pod | undefined)?.spec;
      if (operation === 'UPDATE') {
        if (old?.priority !== undefined) spec.priority ??= old.priority;
        if (old?.preemptionPolicy !== undefined) spec.preemptionPolicy ??= old.preemptionPolicy;
        return;
      }
      const wanted = spec.priorityClassName;
      const found = wanted ? classes().find((c) => c.metadata?.name === wanted) : byDefault();
      const value = found?.value ?? (wanted ? SYSTEM[wanted] : 0);
      if (value === undefined) throw forbidden(def, name, `no PriorityClass with name ${wanted} was found`);
      if (spec.priority !== undefined && spec.priority !== value) {
        throw forbidden(
          def,
          name,
          `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
        );
      }
      const policy = found?.preemptionPolicy ?? 'PreemptLowerPriority';
      if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
        throw forbidden(
          def,
          name,
          `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
        );
      }
      if (found?.metadata?.name) spec.priorityClassName = found.metadata.name;
      spec.priority = value;
      spec.preemptionPolicy = policy;
    },

    validate({ operation, def, name, object }) {
      if (operation === 'DELETE' || def.resource.group !== 'scheduling.k8s.io' || def.resource.plural !== 'priorityclasses') return;
      const other = (object as unknown as PriorityClass).globalDefault ? byDefault()?.metadata?.name : undefined;
      if (other && other !== name) {
        throw forbidden(def, name, `PriorityClass ${other} is already marked as default. Only one default can exist`);
      }
    },
  };
}
