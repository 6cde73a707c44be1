import type { Pod, Toleration } from 'kubernetes-types/core/v1.js';
import type { Admission } from '../admission.ts';
import { isPods } from '../../lifecycle.ts';

/** How long a pod stays with a node that is not ready or cannot be reached, unless it says otherwise, in seconds. */
const SECONDS = 300;
const TAINTS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

const concerns = (toleration: Toleration, key: string): boolean =>
  (!toleration.key || toleration.key === key) && (!toleration.effect || toleration.effect === 'NoExecute');

/** Kubernetes' DefaultTolerationSeconds. */
export const tolerationAdmission: Admission = {
  mutate({ def, operation, subresource, object }) {
    if (!isPods(def) || operation !== 'CREATE' || subresource) return;
    const { spec } = object as unknown as Pod;
    if (!spec) return;
    const given = spec.tolerations ?? [];
    const added = TAINTS.filter((key) => !given.some((t) => concerns(t, key)));
    if (added.length === 0) return;
    spec.tolerations = [...given, ...added.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: SECONDS }))];
  },
};
