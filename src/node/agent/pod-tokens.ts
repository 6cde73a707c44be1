import type { TokenRequest } from 'kubernetes-types/authentication/v1.js';
import { ServiceAccounts, type Resource } from '../../api/index.ts';
import { messageOf, type Clock, type Log } from '../../base/index.ts';
import type { Client } from '../../control/index.ts';
import type { Pod, ServiceAccountTokenProjection } from '../objects.ts';
import { ConfigProblem } from '../plan/env.ts';

/** The tokens that pods have in their volumes. */
export interface PodTokens {
  /** See `PlanSource.fetch`. */
  fetch(pod: Pod): Promise<number | undefined>;
  of(pod: Pod, source: ServiceAccountTokenProjection): string | undefined;
  forget(uid: string): void;
}

interface Held {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly renewAt: number;
  readonly expires: number;
}

/** A token is renewed when this part of its life is over, and once a day, as the kubelet does it. */
const LIFE_BEFORE_RENEWAL = 0.8;
const DAY = 86_400_000;
/** A renewal that failed is tried again after this, in milliseconds: the token at hand is still good. */
const RETRY = 30_000;

/** A TokenRequest goes to a part of the account that it is for. */
const AccountTokens = ServiceAccounts as Resource as Resource<TokenRequest>;

/** Asks the API server for tokens that are bound to their pods: they are worth nothing once the pod is gone. */
export function podTokens(client: Pick<Client, 'create'>, clock: Clock, log: Log): PodTokens {
  const held = new Map<string, Map<string, Held>>();

  async function request(pod: Pod, { audience, expirationSeconds }: ServiceAccountTokenProjection): Promise<Held> {
    const { namespace, name, uid } = pod.metadata ?? {};
    const asked = clock.now();
    const { status } = await client.create(
      AccountTokens,
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: { namespace: namespace!, name: pod.spec?.serviceAccountName ?? 'default' },
        spec: {
          audiences: audience ? [audience] : [],
          expirationSeconds: expirationSeconds ?? 3600,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: name!, uid: uid! },
        },
      },
      { subresource: 'token' },
    );
    const expires = Date.parse(String(status!.expirationTimestamp));
    return { token: status!.token, expires, renewAt: asked + Math.min((expires - asked) * LIFE_BEFORE_RENEWAL, DAY) };
  }

  async function refresh(pod: Pod, volume: string, source: ServiceAccountTokenProjection, before: Held | undefined): Promise<Held> {
    if (before && clock.now() < before.renewAt) return before;
    try {
      return await request(pod, source);
    } catch (error) {
      if (before && clock.now() < before.expires) {
        log.warn('a token could not be renewed', { pod: `${pod.metadata?.namespace}/${pod.metadata?.name}`, error: messageOf(error) });
        return { ...before, renewAt: clock.now() + RETRY };
      }
      throw new ConfigProblem(`MountVolume.SetUp failed for volume "${volume}" : failed to fetch token: ${messageOf(error)}`);
    }
  }

  return {
    async fetch(pod) {
      const uid = pod.metadata?.uid ?? '';
      const wanted = (pod.spec?.volumes ?? []).flatMap((v) =>
        (v.projected?.sources ?? []).flatMap((s) => (s.serviceAccountToken ? [{ volume: v.name, source: s.serviceAccountToken }] : [])),
      );
      if (wanted.length === 0) return undefined;
      const own = held.get(uid) ?? new Map<string, Held>();
      held.set(uid, own);
      for (const { volume, source } of wanted) own.set(keyOf(source), await refresh(pod, volume, source, own.get(keyOf(source))));
      return Math.min(...[...own.values()].map((h) => h.renewAt));
    },
    of: (pod, source) => held.get(pod.metadata?.uid ?? '')?.get(keyOf(source))?.token,
    forget: (uid) => void held.delete(uid),
  };
}

const keyOf = ({ audience = '', expirationSeconds }: ServiceAccountTokenProjection): string => `${expirationSeconds} ${audience}`;
