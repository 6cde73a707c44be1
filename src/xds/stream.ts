import { TypeUrl, type ProxyResources } from '../envoy/index.ts';
import { Subscription, type Delta, type Resources } from './subscription.ts';
import type { DeltaRequest, DeltaResponse } from './wire.ts';

/** How long a cluster stays after the last route to it was replaced, in milliseconds: requests that were matched before (delayed, retried) still need it. */
export const LINGER_MS = 5000;
/** A publication: what one proxy is to hold, and its number. */
export interface Snapshot {
  readonly generation: number;
  readonly resources: ProxyResources;
}

export type StreamEvent =
  | { readonly kind: 'request'; readonly request: DeltaRequest }
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  /** Every secret known so far of those that were asked for. */
  | { readonly kind: 'secrets'; readonly secrets: Resources }
  | { readonly kind: 'tick' };

export type StreamAction =
  | { readonly kind: 'send'; readonly response: DeltaResponse }
  /** The proxy asks for these secrets. */
  | { readonly kind: 'resolve'; readonly names: readonly string[] }
  /** The proxy asks for these virtual hosts. */
  | { readonly kind: 'asked'; readonly names: readonly string[] }
  | { readonly kind: 'acked'; readonly typeUrl: TypeUrl }
  | { readonly kind: 'rejected'; readonly typeUrl: TypeUrl; readonly name: string; readonly message: string }
  /** The proxy took all of this publication (but for what it rejected). */
  | { readonly kind: 'settled'; readonly generation: number }
  /** Feed `tick` at this time. */
  | { readonly kind: 'wake'; readonly at: number };

/**
 * One delta ADS stream. `step` is deterministic and does no I/O; the state is advanced in place, because
 * copying thousands of held versions for each ACK would cost more than everything else here.
 */
export interface StreamState {
  readonly subscriptions: { readonly [T in 'cluster' | 'endpoint' | 'listener' | 'route' | 'virtualHost' | 'secret']: Subscription };
  /** Being rolled out. */
  target: Snapshot | undefined;
  /** Rolled out when `target` is done: a proxy that lags is never starved of routes by endpoints that keep changing. */
  next: Snapshot | undefined;
  settled: number;
  nonce: number;
}

export function newStream(): StreamState {
  return {
    subscriptions: {
      cluster: new Subscription(TypeUrl.cluster),
      endpoint: new Subscription(TypeUrl.endpoint),
      listener: new Subscription(TypeUrl.listener),
      route: new Subscription(TypeUrl.route),
      virtualHost: new Subscription(TypeUrl.virtualHost),
      secret: new Subscription(TypeUrl.secret),
    },
    target: undefined,
    next: undefined,
    settled: -1,
    nonce: 0,
  };
}

export function step(state: StreamState, event: StreamEvent, now: number): StreamAction[] {
  const actions: StreamAction[] = [];
  switch (event.kind) {
    case 'request':
      takeRequest(state, event.request, actions);
      break;
    case 'snapshot':
      state.next = event.snapshot;
      break;
    case 'secrets':
      state.subscriptions.secret.retarget(event.secrets);
      break;
    case 'tick':
      break;
  }
  advance(state, now, actions);
  return actions;
}

function takeRequest(state: StreamState, request: DeltaRequest, actions: StreamAction[]): void {
  const subscription = Object.values(state.subscriptions).find((s) => s.typeUrl === request.typeUrl);
  // A type we do not serve stays unanswered: the proxy goes on after its fetch timeout.
  if (!subscription) return;
  const { typeUrl } = subscription;
  const answer = subscription.answer(request);
  subscription.subscribe(isWarming(state, request) ? { ...request, initialVersions: new Map() } : request);
  if (typeUrl === TypeUrl.secret && request.subscribe.length > 0) actions.push({ kind: 'resolve', names: [...subscription.names] });
  if (typeUrl === TypeUrl.virtualHost) {
    const names = request.subscribe.filter((name) => name !== '*');
    if (names.length > 0) actions.push({ kind: 'asked', names });
  }
  if (answer?.kind === 'accepted') actions.push({ kind: 'acked', typeUrl });
  if (answer?.kind === 'rejected') actions.push({ kind: 'rejected', typeUrl, name: answer.name, message: answer.message });
}

/**
 * A proxy opens with its clusters, unless some of them still wait for endpoints that were lost with the stream before:
 * then it speaks of clusters only when they have come. So it is sent all endpoints, whatever versions it declares.
 */
function isWarming(state: StreamState, request: DeltaRequest): boolean {
  const { cluster, endpoint } = state.subscriptions;
  return request.typeUrl === TypeUrl.endpoint && !endpoint.opened && !cluster.opened;
}

/** Sends whatever may go now. */
function advance(state: StreamState, now: number, actions: StreamAction[]): void {
  const { cluster, listener, secret } = state.subscriptions;
  sendDue(state, secret, actions);
  while (state.target || state.next) {
    if (state.target && !rollOut(state, actions)) return;
    if (state.target) {
      removeGone(state, now, actions);
      if (!state.next && state.settled !== state.target.generation && cluster.opened && listener.opened) {
        state.settled = state.target.generation;
        actions.push({ kind: 'settled', generation: state.settled });
      }
    }
    if (!state.next) return;
    state.target = state.next;
    state.next = undefined;
    const { resources } = state.target;
    cluster.retarget(resources.clusters);
    state.subscriptions.endpoint.retarget(resources.endpoints);
    listener.retarget(resources.listeners);
    state.subscriptions.route.retarget(resources.routes);
    state.subscriptions.virtualHost.retarget(resources.virtualHosts);
  }
}

/**
 * Additions and updates of the target; whether the proxy has them all. Listeners wait for the ACK of clusters and endpoints,
 * routes for that of listeners, virtual hosts for that of the tables which they are in. Endpoints do not wait: once it runs, Envoy withholds the ACK of a cluster until its endpoints
 * (and secrets) came, so that this ACK says that the cluster takes requests.
 */
function rollOut(state: StreamState, actions: StreamAction[]): boolean {
  const { cluster, endpoint, listener, route, virtualHost } = state.subscriptions;
  sendDue(state, cluster, actions);
  sendDue(state, endpoint, actions);
  if (cluster.inFlight || endpoint.inFlight) return false;
  sendDue(state, listener, actions);
  if (listener.inFlight) return false;
  sendDue(state, route, actions);
  if (route.inFlight) return false;
  sendDue(state, virtualHost, actions);
  return !virtualHost.inFlight;
}

/** Removals come last: listeners at once, clusters when nothing can refer to them any more. */
function removeGone(state: StreamState, now: number, actions: StreamAction[]): void {
  const { cluster, listener, route, virtualHost } = state.subscriptions;
  const unused = [...listener.gone.keys()];
  if (unused.length > 0) send(state, listener, { resources: [], removed: unused }, actions);
  // A proxy that refuses a listener or a route keeps its old one, which may name a cluster that the new one does not.
  if (listener.rejections().size + route.rejections().size + virtualHost.rejections().size > 0) return;
  const removed: string[] = [];
  let wake = Infinity;
  for (const [name, since] of cluster.gone) {
    if (since === undefined) cluster.gone.set(name, now);
    const at = (since ?? now) + LINGER_MS;
    if (at > now) wake = Math.min(wake, at);
    else if (unused.length === 0 && !state.next?.resources.clusters.has(name)) removed.push(name);
  }
  if (removed.length > 0) send(state, cluster, { resources: [], removed }, actions);
  if (wake < Infinity) actions.push({ kind: 'wake', at: wake });
}

function sendDue(state: StreamState, subscription: Subscription, actions: StreamAction[]): void {
  const delta = subscription.due();
  if (delta) send(state, subscription, delta, actions);
}

function send(state: StreamState, subscription: Subscription, delta: Delta, actions: StreamAction[]): void {
  const nonce = String(++state.nonce);
  subscription.send(nonce, delta);
  // A cluster that was changed waits for its endpoints to come again, even when they are the same: Envoy does not ask.
  if (subscription.typeUrl === TypeUrl.cluster) for (const { name } of delta.resources) state.subscriptions.endpoint.resend(name);
  actions.push({ kind: 'send', response: { typeUrl: subscription.typeUrl, nonce, ...delta } });
}
