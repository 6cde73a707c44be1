import type { Pod } from 'kubernetes-types/core/v1.js';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1.js';
import { ApiError, labelSelectorOf, PodDisruptionBudgets, type AnyObject, type Served } from '../api/index.ts';
import { rfc3339 } from '../base/index.ts';
import type { Core } from './core.ts';
import type { Deletes } from './deletes.ts';
import { entryOf, storeKey, storePrefix } from './entry.ts';
import { forbidden, notFound } from './errors.ts';
import { isRecord } from './json.ts';
import type { Draft } from './lifecycle.ts';
import type { Body, Target, WriteQuery, Written } from './registry.ts';
import type { Writes } from './writes.ts';

/** How many evicted pods a budget may wait for before it takes no more. */
const MOST_DISRUPTED = 2000;

type Budget = PodDisruptionBudget & AnyObject;

/** `pods/eviction`: deletes a pod, unless a disruption budget forbids it; takes the disruption off the budget first. */
export function createEvictions(
  { store, catalog, clock }: Core,
  writes: Writes,
  deletes: Deletes,
): (target: Target, body: Body, query: WriteQuery) => Promise<Written> {
  const budgetsOf = (served: Served, pod: Pod): Budget[] =>
    store
      .list(storePrefix(served.def, pod.metadata?.namespace))
      .items.map(({ object }) => object as Budget)
      .filter(({ spec }) => spec?.selector !== undefined && labelSelectorOf(spec.selector).matches(pod.metadata?.labels));

  return async (target, body, query) => {
    const { served, namespace, name = '', user } = target;
    const pod = store.get(storeKey(served.def, namespace, name))?.object as (Pod & AnyObject) | undefined;
    if (!pod) throw notFound(served.def, name);
    checkName(body, name);
    const { group, version, plural } = PodDisruptionBudgets;
    const servedBudgets = catalog.find(group, version, plural)!;
    const [budget, another] = isDisruption(pod) ? budgetsOf(servedBudgets, pod) : [];
    if (another) {
      throw new ApiError(
        'InternalError',
        'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
      );
    }
    if (budget && !mayGoUnready(pod, budget)) {
      const at: Target = { served: servedBudgets, namespace, name: budget.metadata?.name, subresource: 'status', user };
      await writes.revise(at, { ...query, fieldManager: 'eviction' }, ({ object }) => ({
        draft: charged(at, object as Budget, name, clock.now()),
        warnings: [],
      }));
    }
    const options = isRecord(body.value) && isRecord(body.value['deleteOptions']) ? body.value['deleteOptions'] : {};
    const { gracePeriodSeconds: grace, preconditions } = options;
    await deletes.delete(
      { ...target, subresource: undefined },
      {
        dryRun: query.dryRun,
        gracePeriodSeconds: typeof grace === 'number' ? grace : undefined,
        preconditions: isRecord(preconditions) ? preconditions : undefined,
      },
    );
    return { ...entryOf({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }), created: true, warnings: [] };
  };
}

function checkName({ value }: Body, name: string): void {
  const sent = isRecord(value) && isRecord(value['metadata']) ? value['metadata']['name'] : undefined;
  if (sent !== undefined && sent !== name) throw new ApiError('BadRequest', 'name in URL does not match name in Eviction object');
}

/** False for pods whose going disturbs nobody. */
function isDisruption({ metadata, status }: Pod): boolean {
  return !metadata?.deletionTimestamp && !['Pending', 'Succeeded', 'Failed'].includes(status?.phase ?? '');
}

/** A pod that is not ready costs no disruption, when its budget says so or has enough without it. */
function mayGoUnready({ status }: Pod, budget: Budget): boolean {
  if (status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')) return false;
  const policy = budget.spec?.unhealthyPodEvictionPolicy;
  const { currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? {};
  return policy === 'AlwaysAllow' || (currentHealthy >= desiredHealthy && desiredHealthy > 0);
}

/** The budget with one disruption less, and the pod noted. Throws TooManyRequests when it has none left. */
function charged({ served }: Target, budget: Budget, pod: string, now: number): Draft {
  const { name = '', generation = 0 } = budget.metadata ?? {};
  const status = budget.status;
  if ((status?.observedGeneration ?? 0) < generation) {
    throw tooMany(`The disruption budget ${name} is still being processed by the server.`, 10);
  }
  const { disruptionsAllowed = 0, disruptedPods = {}, desiredHealthy = 0, currentHealthy = 0 } = status ?? {};
  if (disruptionsAllowed < 0) throw forbidden(served.def, name, 'pdb disruptions allowed is negative');
  if (Object.keys(disruptedPods).length > MOST_DISRUPTED) {
    throw forbidden(served.def, name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  }
  if (disruptionsAllowed === 0) {
    const failed = status?.conditions?.find((c) => c.type === 'DisruptionAllowed' && c.status === 'False' && c.reason === 'SyncFailed');
    throw tooMany(
      failed
        ? `The disruption budget ${name} does not allow evicting pods currently because it failed sync: ${failed.message}`
        : `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`,
    );
  }
  const next = { ...status, disruptionsAllowed: disruptionsAllowed - 1, disruptedPods: { ...disruptedPods, [pod]: rfc3339(now) } };
  return { ...(budget as AnyObject), metadata: { ...budget.metadata }, status: next };
}

function tooMany(cause: string, retryAfterSeconds?: number): ApiError {
  return new ApiError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: 'DisruptionBudget', message: cause }],
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}
