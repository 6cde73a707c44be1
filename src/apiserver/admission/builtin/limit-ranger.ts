import type { Container, LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1.js';
import { parseQuantity } from '../../../base/index.ts';
import type { AnyObject } from '../../../api/index.ts';
import { forbidden } from '../../errors.ts';
import { isPods } from '../../lifecycle.ts';
import type { Admission, AdmissionRequest } from '../admission.ts';
import { podAmounts, quantityText, type Quantities } from './amounts.ts';

const NOTE = 'kubernetes.io/limit-ranger';

/** Gives containers the requests and limits of the namespace's LimitRanges, and holds pods and claims to them. */
export function limitRangerAdmission(ranges: (namespace: string) => readonly LimitRange[]): Admission {
  const concerns = ({ operation, def, subresource }: AdmissionRequest): boolean =>
    subresource === undefined && (isPods(def) ? operation === 'CREATE' : isClaims(def.resource) && operation !== 'DELETE');
  return {
    mutate(request) {
      if (!isPods(request.def) || !concerns(request)) return;
      for (const range of ranges(request.namespace ?? '')) fillIn(request.object as Pod, range);
    },
    validate(request) {
      if (!concerns(request)) return;
      const { def, name, namespace = '', object } = request;
      for (const { spec } of ranges(namespace)) {
        const wrong = (spec?.limits ?? []).flatMap((limit) => broken(object, isPods(def), limit));
        if (wrong.length > 0) throw forbidden(def, name, wrong.length === 1 ? wrong[0]! : `[${wrong.join(', ')}]`);
      }
    },
  };
}

const isClaims = ({ group, plural }: { group: string; plural: string }): boolean => group === '' && plural === 'persistentvolumeclaims';

function fillIn(pod: Pod, { spec }: LimitRange): void {
  const limits: Quantities = Object.assign({}, ...ofContainers(spec?.limits).map((limit) => limit.default));
  const requests: Quantities = Object.assign({}, ...ofContainers(spec?.limits).map((limit) => limit.defaultRequest));
  const set: string[] = [];
  const each = (containers: readonly Container[] | undefined, what: string): void => {
    for (const container of containers ?? []) {
      const resources = (container.resources ??= {});
      for (const [field, word, given] of [
        ['requests', 'request', requests],
        ['limits', 'limit', limits],
      ] as const) {
        const missing = Object.keys(given).filter((resource) => resources[field]?.[resource] === undefined);
        if (missing.length === 0) continue;
        resources[field] = { ...resources[field], ...Object.fromEntries(missing.map((r) => [r, String(given[r])])) };
        set.push(`${missing.sort().join(', ')} ${word} for ${what} ${container.name}`);
      }
    }
  };
  each(pod.spec?.containers, 'container');
  each(pod.spec?.initContainers, 'init container');
  if (set.length > 0) ((pod.metadata ??= {}).annotations ??= {})[NOTE] = `LimitRanger plugin set: ${set.join('; ')}`;
}

function ofContainers(limits: readonly LimitRangeItem[] | undefined): LimitRangeItem[] {
  return (limits ?? []).filter(({ type }) => type === 'Container');
}

interface Bounds {
  readonly min?: Quantities;
  readonly max?: Quantities;
  readonly maxLimitRequestRatio?: Quantities;
}

/** What of an object a limit does not allow. */
function broken(object: AnyObject, pod: boolean, limit: LimitRangeItem): string[] {
  const bounds = limit as Bounds;
  if (!pod) {
    if (limit.type !== 'PersistentVolumeClaim') return [];
    const requests = (object as PersistentVolumeClaim).spec?.resources?.requests ?? {};
    return check(limit.type, bounds, requests, undefined);
  }
  const { spec } = object as Pod;
  if (limit.type === 'Container') {
    return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].flatMap(({ resources }) =>
      check('Container', bounds, resources?.requests ?? {}, resources?.limits ?? {}),
    );
  }
  return limit.type === 'Pod' ? check('Pod', bounds, sum(object as Pod, 'requests'), sum(object as Pod, 'limits')) : [];
}

function sum(pod: Pod, of: 'requests' | 'limits'): Quantities {
  const like = (name: string): string | number | undefined =>
    pod.spec?.containers.find((c) => c.resources?.[of]?.[name])?.resources?.[of]?.[name];
  return Object.fromEntries(Object.entries(podAmounts(pod, of)).map(([name, value]) => [name, quantityText(value, like(name))]));
}

/** Without `limits`, only what is asked for counts: claims have no limits. */
function check(type: string, bounds: Bounds, requests: Quantities, limits: Quantities | undefined): string[] {
  const out: string[] = [];
  const number = (q: string | number | undefined): number | undefined => (q === undefined ? undefined : parseQuantity(q));
  for (const [name, enforced] of Object.entries(bounds.min ?? {})) {
    const [least, request, limit] = [number(enforced)!, requests[name], limits?.[name]];
    const what = `minimum ${name} usage per ${type} is ${enforced}`;
    if (request === undefined) out.push(`${what}.  No request is specified`);
    else if (number(request)! < least) out.push(`${what}, but request is ${request}`);
    else if (limit !== undefined && number(limit)! < least) out.push(`${what}, but limit is ${limit}`);
  }
  for (const [name, enforced] of Object.entries(bounds.max ?? {})) {
    const [most, request, limit] = [number(enforced)!, requests[name], limits?.[name]];
    const what = `maximum ${name} usage per ${type} is ${enforced}`;
    if (limits && limit === undefined) out.push(`${what}.  No limit is specified`);
    else if (!limits && request === undefined) out.push(`${what}.  No request is specified`);
    else if (limit !== undefined && number(limit)! > most) out.push(`${what}, but limit is ${limit}`);
    else if (request !== undefined && number(request)! > most) out.push(`${what}, but request is ${request}`);
  }
  for (const [name, enforced] of Object.entries(limits ? (bounds.maxLimitRequestRatio ?? {}) : {})) {
    const [request, limit] = [number(requests[name]), number(limits?.[name])];
    const what = `${name} max limit to request ratio per ${type} is ${enforced}`;
    if (!request) out.push(`${what}, but no request is specified or request is 0`);
    else if (!limit) out.push(`${what}, but no limit is specified or limit is 0`);
    else if (limit / request > number(enforced)!) out.push(`${what}, but provided ratio is ${(limit / request).toFixed(6)}`);
  }
  return out;
}
