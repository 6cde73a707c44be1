import type { Pod, ResourceQuota } from 'kubernetes-types/core/v1.js';
import type { AnyObject, Catalog, KindDef } from '../../../api/index.ts';
import { messageOf, type Clock, type Log } from '../../../base/index.ts';
import type { Store } from '../../../store/index.ts';
import { storePrefix } from '../../entry.ts';
import { forbidden } from '../../errors.ts';
import { equal } from '../../json.ts';
import { isPods } from '../../lifecycle.ts';
import type { Admission, AdmissionRequest } from '../admission.ts';
import { amountsOf, minus, plus, quantityText, type Amounts, type Quantities } from './amounts.ts';
import { inScope, kindCounted, unsaid, usageOf } from './quota-usage.ts';

export interface QuotaOptions {
  readonly store: Store<AnyObject>;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly log: Log;
  writeStatus(quota: ResourceQuota, status: { hard: Quantities; used: Quantities }): Promise<unknown>;
}

/** Writes that arrive together are counted together, in milliseconds. */
const RECOUNT_DELAY = 50;

const isQuotas = ({ resource }: KindDef): boolean => resource.group === '' && resource.plural === 'resourcequotas';

/**
 * Holds writes to the quotas of their namespace, and keeps the quotas' status. What is in use is counted from the objects
 * themselves, so that nothing can leak; what is about to be stored counts from when it was let through.
 */
export function quotaAdmission({ store, catalog, clock, log, writeStatus }: QuotaOptions): Admission {
  const underWay = new Set<{ readonly quota: string; readonly usage: Amounts }>();
  const dirty = new Set<string>();

  const quotasOf = (namespace: string): ResourceQuota[] =>
    store.list(`/resourcequotas/${namespace}/`).items.map(({ object }) => object as unknown as ResourceQuota);

  /** What all objects of a namespace use of some of a quota's resources. */
  const used = (quota: ResourceQuota, namespace: string, resources: readonly string[]): Amounts => {
    let sum: Amounts = Object.fromEntries(resources.map((name) => [name, 0]));
    const kinds = new Map(resources.map((name) => [JSON.stringify(kindCounted(name)), kindCounted(name)]));
    for (const { group, plural } of kinds.values()) {
      const def = catalog.all().find(({ resource }) => resource.group === group && resource.plural === plural);
      if (!def) continue;
      for (const { object } of store.list(storePrefix(def, namespace)).items) {
        if (inScope(quota, def, object)) sum = plus(sum, only(usageOf(def, object), resources));
      }
    }
    return sum;
  };

  const recount = async (namespace: string): Promise<void> => {
    for (const quota of quotasOf(namespace)) {
      const hard: Quantities = quota.spec?.hard ?? {};
      const sums = used(quota, namespace, Object.keys(hard));
      const status = { hard, used: texts(sums, hard) };
      if (equal(quota.status, status)) continue;
      await writeStatus(quota, status).catch((error: unknown) =>
        log.warn('the status of a quota could not be written', { quota: quota.metadata?.name, error: messageOf(error) }),
      );
    }
  };

  const touched = (namespace: string): void => {
    if (dirty.has(namespace)) return;
    dirty.add(namespace);
    clock.after(RECOUNT_DELAY, () => {
      dirty.delete(namespace);
      void recount(namespace);
    });
  };

  const charge = (quota: ResourceQuota, { def, name, object, oldObject, operation }: AdmissionRequest, namespace: string): Amounts => {
    const hard: Quantities = quota.spec?.hard ?? {};
    const resources = Object.keys(hard);
    const before = oldObject && inScope(quota, def, oldObject) ? usageOf(def, oldObject) : {};
    const asked = more(only(minus(inScope(quota, def, object) ? usageOf(def, object) : {}, before), resources));
    if (operation === 'CREATE' && isPods(def) && inScope(quota, def, object)) {
      const missing = unsaid(object as Pod, resources);
      if (missing !== '') throw forbidden(def, name, `failed quota: ${quota.metadata?.name}: must specify ${missing}`);
    }
    const names = Object.keys(asked);
    if (names.length === 0) return asked;
    const id = idOf(quota);
    let now = used(quota, namespace, names);
    for (const write of underWay) if (write.quota === id) now = plus(now, only(write.usage, names));
    const limits = amountsOf(hard);
    const over = names.filter((resource) => now[resource]! + asked[resource]! > limits[resource]!);
    if (over.length > 0) {
      const show = (amounts: Amounts): string => list(texts(only(amounts, over), hard));
      throw forbidden(
        def,
        name,
        `exceeded quota: ${quota.metadata?.name}, requested: ${show(asked)}, used: ${show(now)}, limited: ${list(only(hard, over))}`,
      );
    }
    return asked;
  };

  return {
    hold(request) {
      const { namespace, def, operation, subresource, dryRun } = request;
      if (namespace === undefined || operation === 'CONNECT') return undefined;
      const quotas = quotasOf(namespace);
      if (isQuotas(def)) return subresource === 'status' || dryRun ? undefined : () => touched(namespace);
      if (quotas.length === 0) return undefined;
      const charged =
        operation === 'DELETE' || subresource === 'status'
          ? []
          : quotas.map((quota) => ({ quota: idOf(quota), usage: charge(quota, request, namespace) }));
      for (const write of charged) underWay.add(write);
      return () => {
        for (const write of charged) underWay.delete(write);
        if (!dryRun && quotas.some(({ spec }) => counts(spec?.hard, def))) touched(namespace);
      };
    },
  };
}

const idOf = ({ metadata }: ResourceQuota): string => metadata?.uid ?? '';

/** True when a kind's objects use some resource of a quota. */
function counts(hard: object | undefined, { resource }: KindDef): boolean {
  return Object.keys(hard ?? {}).some((name) => {
    const { group, plural } = kindCounted(name);
    return group === resource.group && plural === resource.plural;
  });
}

function only<T>(amounts: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(names.flatMap((name) => (amounts[name] === undefined ? [] : [[name, amounts[name]]])));
}

/** What is asked for in addition; what is given back needs no leave. */
function more(amounts: Amounts): Amounts {
  return Object.fromEntries(Object.entries(amounts).filter(([, value]) => value > 0));
}

function texts(amounts: Amounts, like: Quantities): Record<string, string> {
  return Object.fromEntries(Object.entries(amounts).map(([name, value]) => [name, quantityText(value, like[name])]));
}

function list(quantities: Quantities): string {
  return Object.keys(quantities)
    .sort()
    .map((name) => `${name}=${quantities[name]}`)
    .join(',');
}
