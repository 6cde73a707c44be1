/** What is told of a release beside its objects: the last ones, and why the last decisions were what they were. Pure. */
import type { Canary, CanaryAnswer, CanaryEvidence, CanaryJudgement, CanaryPhase, CanaryRelease } from '../api/index.ts';

export interface CanaryWhy {
  readonly phase: CanaryPhase | undefined;
  readonly message: string | undefined;
  readonly release: CanaryRelease | undefined;
  /** The last thing that was asked of it, and what became of that. */
  readonly request: CanaryAnswer | undefined;
  readonly judge: CanaryJudgement | undefined;
  readonly evidence: readonly CanaryEvidence[];
}

export function whyOf({ status = {} }: Canary): CanaryWhy {
  const { phase, conditions, evidence = [], handled, history, judge } = status;
  return { phase, message: conditions?.[0]?.message, release: history?.at(-1), request: handled, judge, evidence };
}

export function historyOf({ status }: Canary): readonly CanaryRelease[] {
  return status?.history ?? [];
}
