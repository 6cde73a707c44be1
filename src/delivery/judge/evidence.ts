/** What was looked at for each decision, kept with the object: bounded, the newest last. Pure. */
import type { CanaryEvidence, CanaryStatus, WebhookType } from '../../api/index.ts';
import { rfc3339 } from '../../base/index.ts';
import type { Answers, Decision, Observation } from '../decision.ts';

/** Decisions kept. */
const KEPT = 10;

/** The status with what the judge has come to, and with a record of the decision when metrics, hooks or the judge had a part in it. */
export function withEvidence(
  status: CanaryStatus,
  o: Observation,
  answers: Answers,
  { says, begins }: Pick<Decision, 'says' | 'begins'>,
): CanaryStatus {
  const { judge } = o;
  const [first] = says;
  const asked = Object.entries(answers.hooks).flatMap(([type, results]) =>
    (results ?? []).map(({ hook, ok, error }) => ({
      name: hook.name,
      type: type as WebhookType,
      passed: ok,
      ...(ok ? {} : { reason: error }),
    })),
  );
  const next = judge && !begins ? { ...status, judge } : status;
  if (!first || (!answers.measured && !judge && asked.length === 0 && o.troubles.length === 0)) return next;
  const entry: CanaryEvidence = {
    time: rfc3339(o.now),
    decision: first.message,
    weight: o.weights?.canary ?? 0,
    ...(answers.measured ? { metrics: answers.measured } : {}),
    ...(judge ? { judge: judge.message } : {}),
    ...(asked.length > 0 ? { hooks: asked } : {}),
    ...(o.troubles.length > 0 ? { pods: [...o.troubles] } : {}),
    ...(o.badRequests.length > 0 ? { requests: [...o.badRequests] } : {}),
  };
  return { ...next, evidence: [...(status.evidence ?? []), entry].slice(-KEPT) };
}
