/** Tells people of a release: finds out whom, and sends in the background. Nothing waits for it. */
import { AlertProviders, keyOf, keyText, Secrets, type Canary } from '../../api/index.ts';
import { Fault, messageOf, sleep, type Clock } from '../../base/index.ts';
import type { Client } from '../../control/index.ts';
import { createLines } from '../lines.ts';
import type { Web, WebAnswer } from '../ports.ts';
import { hidden, quote } from '../quote.ts';
import { isWebAddress } from '../web-address.ts';
import { isHeard, isSeverity, type Alert, type Kind, type Recipient, type Severity } from './alert.ts';
import { KINDS } from './index.ts';

export interface Alerts {
  /** Returns at once. */
  tell(canary: Canary, alert: Alert): void;
  /** What keeps the canary's alerts from being sent, a sentence each; empty when nothing does. Sends nothing. */
  problems(canary: Canary): Promise<string[]>;
  /** The Canary of that key is gone. */
  forget(key: string): void;
}

export interface AlertsOptions {
  readonly client: Client;
  readonly web: Web;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** An alert was not sent; the sentence says why. */
  readonly lost: (canary: Canary, message: string) => void;
}

/** On an AlertProvider: it is told of all canaries without alerts of their own, from this severity on. */
export const EVERYBODY = 'sluice.io/alerts';

const TIMEOUT_MS = 5_000;
const TRIES = 3;
/** Waits before the second and third try; a server may ask for more, up to the most. */
const RETRY_MS = { first: 1_000, most: 30_000 };
/** Alerts of one canary that may wait for the one before them. */
const MAX_WAITING = 20;

/** Somebody to be told, as the Canary or the provider says. */
interface Listener {
  /** How messages about it call it. */
  readonly name: string;
  readonly severity: Severity | '' | undefined;
  readonly namespace: string;
  readonly provider: string;
}

/** A listener with all that it takes to reach it. */
interface Contact {
  readonly kind: Kind;
  readonly to: Recipient;
  readonly proxy: string | undefined;
}

export function createAlerts({ client, web, clock, signal, lost }: AlertsOptions): Alerts {
  const lines = createLines(MAX_WAITING);
  /** By canary: the `once` of its last alert. */
  const last = new Map<string, string | undefined>();

  /** The canary's own, else those that listen to everybody. */
  async function listeners({ metadata, spec }: Canary): Promise<Listener[]> {
    const { alerts = [] } = spec.analysis;
    if (alerts.length > 0)
      return alerts.map(({ name, severity, providerRef }) => ({
        name: `Alert ${name}`,
        severity,
        namespace: providerRef.namespace ?? metadata?.namespace ?? 'default',
        provider: providerRef.name,
      }));
    const { items } = await client.list(AlertProviders);
    return items.flatMap(({ metadata: { name = '', namespace = '', annotations } = {} }) => {
      const severity = annotations?.[EVERYBODY];
      return isSeverity(severity) ? [{ name: `AlertProvider ${name}.${namespace}`, severity, namespace, provider: name }] : [];
    });
  }

  /** Everything that is needed to send; throws a `Fault` that says what is missing. */
  async function found({ namespace, provider: name }: Listener): Promise<Contact> {
    const provider = await client.get(AlertProviders, { namespace, name });
    if (!provider) throw new Fault('NoProvider', `AlertProvider ${name}.${namespace} not found: create it, or correct providerRef`);
    const { type = '', address, secretRef, channel = 'general', username = 'flagger', proxy } = provider.spec ?? {};
    const kind = KINDS[type];
    if (!kind)
      throw new Fault('NoKind', `AlertProvider ${name}.${namespace} has type ${type}: use one of ${Object.keys(KINDS).join(', ')}`);
    const secret = secretRef && (await secretOf(namespace, secretRef.name, name));
    const url = secret?.address ?? address ?? '';
    // The address is a secret, and so not repeated.
    if (!isWebAddress(url))
      throw new Fault(
        'BadAddress',
        `the address in AlertProvider ${name}.${namespace} or its Secret is not a URL: it begins with http:// or https://`,
      );
    const to = { address: url, token: secret?.token, channel, username };
    return { kind, to, proxy: proxy || undefined };
  }

  async function secretOf(namespace: string, name: string, provider: string): Promise<Pick<Recipient, 'address' | 'token'>> {
    const secret = await client.get(Secrets, { namespace, name });
    if (!secret)
      throw new Fault(
        'NoSecret',
        `Secret ${name} not found in namespace ${namespace}: create it, or correct spec.secretRef of AlertProvider ${provider}`,
      );
    const of = (key: string): string | undefined =>
      Buffer.from(secret.data?.[key] ?? '', 'base64')
        .toString('utf8')
        .trim() || undefined;
    const address = of('address');
    if (!address) throw new Fault('NoAddress', `Secret ${name}.${namespace} has no address: put the URL to send to under that key`);
    return { address, token: of('token') };
  }

  /** Why it was not taken; undefined when it was. */
  async function send(alert: Alert, { kind, to, proxy }: Contact): Promise<string | undefined> {
    const { url, body, token } = kind.message(alert, to);
    const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
    for (let tried = 1, wait = RETRY_MS.first; ; tried++, wait *= 2) {
      let answer: WebAnswer | undefined;
      let why: string;
      let mayPass: boolean;
      try {
        answer = await web.send({ method: 'POST', url, headers, body: JSON.stringify(body), timeoutMs: TIMEOUT_MS, proxy });
        const refusal = isGood(answer) ? kind.refusal?.(answer.body) : `${answer.status} ${answer.body}`;
        if (refusal === undefined) return undefined;
        mayPass = answer.status === 429 || answer.status >= 500;
        why = `${new URL(url).host} answers: ${hidden(quote(refusal), [to.address, to.token])}`;
      } catch (error) {
        mayPass = error instanceof Fault && error.code === 'Unreachable';
        why = messageOf(error);
      }
      if (!mayPass || tried === TRIES || signal.aborted) return why;
      await sleep(clock, Math.min(Math.max(wait, (answer?.retryAfter ?? 0) * 1000), RETRY_MS.most), signal);
    }
  }

  async function tellAll(canary: Canary, alert: Alert): Promise<void> {
    try {
      const heard = (await listeners(canary)).filter(({ severity }) => isHeard(alert.severity, severity));
      await Promise.all(
        heard.map(async (listener) => {
          const why = await found(listener).then((contact) => send(alert, contact), messageOf);
          if (why !== undefined) lost(canary, `${listener.name} was not sent: ${why}`);
        }),
      );
    } catch (error) {
      lost(canary, `Alerts were not sent: ${messageOf(error)}`);
    }
  }

  return {
    tell(canary, alert) {
      const key = keyText(keyOf(canary));
      if (alert.once !== undefined && last.get(key) === alert.once) return;
      last.set(key, alert.once);
      if (!lines.add(key, () => tellAll(canary, alert))) lost(canary, `Alerts were not sent: ${MAX_WAITING} wait for those before them`);
    },
    async problems(canary) {
      const all = (await listeners(canary)).map((l) =>
        found(l).then(
          () => undefined,
          (error: unknown) => `${l.name} cannot be sent: ${messageOf(error)}`,
        ),
      );
      return (await Promise.all(all)).filter((problem) => problem !== undefined);
    },
    forget: (key) => void last.delete(key),
  };
}

const isGood = ({ status }: WebAnswer): boolean => status >= 200 && status < 300;
