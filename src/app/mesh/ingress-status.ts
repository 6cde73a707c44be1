/** Tells Ingress objects that the gateway serves the address under which it does. */
import { IngressClasses, Ingresses, keyOf, keyText, parseKey } from '../../api/index.ts';
import type { Clock, Log } from '../../base/index.ts';
import { changesOf, isLeaving, runController, settled, updateStatus, type Informers } from '../../control/index.ts';
import { flavorOf } from '../../mesh/index.ts';

export interface IngressStatusOptions {
  readonly informers: Informers;
  /** The address on the host. */
  readonly address: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Runs until the signal aborts. An object of another class is left alone: its controller has the word. */
export function reportIngressAddress({ informers, address, clock, log, signal }: IngressStatusOptions): Promise<void> {
  const [ingresses, classes] = [informers.of(Ingresses), informers.of(IngressClasses)];
  const byName = () => new Map(classes.list().map((c) => [keyText(keyOf(c)), c]));
  return runController({
    name: 'ingress-address',
    sources: [changesOf(ingresses), changesOf(classes, () => ingresses.list().map((i) => keyText(keyOf(i))))],
    async reconcile(key) {
      const ingress = ingresses.get(parseKey(key));
      if (ingress && !isLeaving(ingress) && flavorOf(ingress, byName()))
        await updateStatus(informers.client, Ingresses, ingress, { ...ingress.status, loadBalancer: { ingress: [{ ip: address }] } });
      return settled;
    },
    clock,
    log,
    signal,
  });
}
