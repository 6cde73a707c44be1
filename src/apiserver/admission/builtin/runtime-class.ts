import type { Pod, PodSpec, Toleration } from 'kubernetes-types/core/v1.js';
import type { RuntimeClass } from 'kubernetes-types/node/v1.js';
import { forbidden } from '../../errors.ts';
import { equal } from '../../json.ts';
import { isPods } from '../../lifecycle.ts';
import type { Admission, AdmissionRequest } from '../admission.ts';

/** Gives pods what their runtime class says of overhead and of nodes, and refuses those whose class is not there. */
export function runtimeClassAdmission(classes: () => readonly RuntimeClass[]): Admission {
  const classOf = (request: AdmissionRequest, { runtimeClassName: wanted }: PodSpec): RuntimeClass | undefined => {
    if (!wanted) return undefined;
    const found = classes().find((c) => c.metadata?.name === wanted);
    if (!found) throw refusal(request, `pod rejected: RuntimeClass ${JSON.stringify(wanted)} not found`);
    return found;
  };
  return {
    mutate(request) {
      const spec = specOf(request);
      const found = spec && classOf(request, spec);
      if (!found) return;
      const overhead = found.overhead?.podFixed;
      if (overhead) {
        if (spec.overhead && !equal(spec.overhead, overhead)) {
          throw refusal(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
        }
        spec.overhead = { ...overhead };
      }
      for (const [label, value] of Object.entries(found.scheduling?.nodeSelector ?? {})) {
        const own = spec.nodeSelector?.[label] ?? value;
        const why = `conflict: runtimeClass.scheduling.nodeSelector[${label}] = ${value}; pod.spec.nodeSelector[${label}] = ${own}`;
        if (own !== value) throw refusal(request, why);
        (spec.nodeSelector ??= {})[label] = value;
      }
      for (const toleration of found.scheduling?.tolerations ?? []) tolerate(spec, toleration);
    },

    validate(request) {
      const spec = specOf(request);
      if (!spec?.overhead || classOf(request, spec)?.overhead) return;
      throw refusal(request, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
    },
  };
}

const refusal = ({ def, name }: AdmissionRequest, why: string): Error => forbidden(def, name, why);

/** Of a pod that is made. */
function specOf({ operation, def, subresource, object }: AdmissionRequest): PodSpec | undefined {
  return isPods(def) && operation === 'CREATE' && subresource === undefined ? (object as Pod).spec : undefined;
}

function tolerate(spec: PodSpec, toleration: Toleration): void {
  if (!spec.tolerations?.some((t) => equal(t, toleration))) (spec.tolerations ??= []).push({ ...toleration });
}
