/** What the failure of a pod means for its job. */
import type { Job } from 'kubernetes-types/batch/v1.js';
import type { Pod } from 'kubernetes-types/core/v1.js';

interface Rule {
  readonly action: 'FailJob' | 'FailIndex' | 'Ignore' | 'Count';
  readonly onExitCodes?: { readonly containerName?: string; readonly operator: 'In' | 'NotIn'; readonly values: readonly number[] };
  readonly onPodConditions?: readonly { readonly type: string; readonly status?: string }[];
}

export interface Verdict {
  readonly action: Rule['action'];
  /** Why, when a rule says so. */
  readonly message: string | undefined;
}

/** The first rule of the job's policy that is about this failure; without one it counts. */
export function verdictOf(job: Job, pod: Pod): Verdict {
  const rules = (job.spec as { podFailurePolicy?: { rules?: readonly Rule[] } } | undefined)?.podFailurePolicy?.rules ?? [];
  const name = `${pod.metadata?.namespace}/${pod.metadata?.name}`;
  for (const [i, { action, onExitCodes, onPodConditions }] of rules.entries()) {
    const matching = `matching ${action} rule at index ${i}`;
    if (onExitCodes) {
      const { containerName, operator, values } = onExitCodes;
      const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
      for (const { name: container, state } of statuses) {
        const code = state?.terminated?.exitCode;
        if (!code || (containerName !== undefined && containerName !== container)) continue;
        if (values.includes(code) === (operator === 'In'))
          return { action, message: `Container ${container} for pod ${name} failed with exit code ${code} ${matching}` };
      }
    }
    const condition = onPodConditions?.find(({ type, status = 'True' }) =>
      pod.status?.conditions?.some((c) => c.type === type && c.status === status),
    );
    if (condition) return { action, message: `Pod ${name} has condition ${condition.type} ${matching}` };
  }
  return { action: 'Count', message: undefined };
}
