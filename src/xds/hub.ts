import { messageOf, type Clock, type Log, type Timer } from '../base/index.ts';
import type { EnvoyResource, ProxyResources } from '../envoy/index.ts';
import { coalesce, type Coalesced } from './coalesce.ts';
import { fairQueue } from './fair-queue.ts';
import { encodeSecret, type SecretMaterial } from './secret.ts';
import { newStream, step, type Snapshot, type StreamAction, type StreamEvent, type StreamState } from './stream.ts';
import type { DeltaRequest, DeltaResponse, Node } from './wire.ts';

/** Requests of one stream that may wait; a proxy that sends more is misbehaving and is cut off. */
const MAX_INBOX = 1000;
/** Hosts that one proxy may ask for: it never forgets one, so neither may we. */
const MAX_ASKED = 20_000;
/** Wait before a secret that could not be had is asked for again, in milliseconds. */
const SECRET_RETRY_MS = 1000;

export type SyncState = 'notSent' | 'stale' | 'synced';

/** What is known of one proxy. */
export interface ProxyState {
  readonly connected: boolean;
  /** Publications for this proxy so far. */
  readonly published: number;
  /** The newest publication that the proxy took whole (but for `rejections`); 0 when none. */
  readonly acked: number;
  readonly sync: { readonly [T in 'cluster' | 'endpoint' | 'listener' | 'route' | 'virtualHost' | 'secret']: SyncState };
  /** Resources that the proxy refuses, in Envoy's words; it keeps serving what it had. */
  readonly rejections: readonly {
    readonly typeUrl: string;
    readonly name: string;
    readonly version: string;
    readonly message: string;
  }[];
}

export interface HubOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Which proxy a node is, or a sentence why it is refused. A proxy may connect before anything was published for it. */
  readonly resolve: (node: Node) => { readonly proxyId: string } | { readonly reject: string };
  /** The secret a proxy asks for by name; undefined when there is none (yet): it is asked for again after `secretsChanged`. */
  readonly secrets: (proxyId: string, name: string) => Promise<SecretMaterial | undefined>;
}

export interface Hub {
  /**
   * The proxy is to hold exactly this. Unchanged resources must keep their version, unchanged maps best keep their identity.
   * `now`: a request waits for it, so it is not gathered with what may follow. Returns the number of the publication.
   */
  publish(proxyId: string, resources: ProxyResources, when?: 'now'): number;
  /** The virtual hosts that the proxy has ever asked for, another set after each question. */
  asked(proxyId: string): ReadonlySet<string>;
  /** Called when a proxy has asked for a virtual host. Returns what ends it. */
  onAsk(listener: (proxyId: string, asked: ReadonlySet<string>) => void): () => void;
  /** The proxy is gone for good. */
  forget(proxyId: string): void;
  state(proxyId: string): ProxyState;
  proxies(): readonly string[];
  /** Called after each connect, ACK, NACK and disconnect. Returns what ends it. */
  onAck(listener: (proxyId: string, state: ProxyState) => void): () => void;
  /** Secrets of one proxy, or of all, may have changed: they are fetched again and pushed where they differ. */
  secretsChanged(proxyId?: string): void;
}

/** The way to one connected proxy. */
export interface Transport {
  send(response: DeltaResponse): void;
  end(reason: string): void;
}

/** What the transport tells about its proxy. */
export interface Connection {
  receive(request: DeltaRequest): void;
  closed(): void;
}

interface Stream {
  readonly transport: Transport;
  readonly machine: StreamState;
  readonly inbox: StreamEvent[];
  readonly secrets: Map<string, EnvoyResource>;
  /** The newest fetch of each secret; answers to older ones are dropped. */
  readonly fetches: Map<string, number>;
  proxy: Proxy | undefined;
  wake: { readonly at: number; readonly timer: Timer } | undefined;
  open: boolean;
}

interface Proxy {
  readonly id: string;
  snapshot: Snapshot | undefined;
  published: number;
  acked: number;
  asked: ReadonlySet<string>;
  stream: Stream | undefined;
  readonly push: Coalesced;
}

/** Knows every proxy, what it is to hold and the stream it is connected by. Transport-free; `server.edge.ts` puts gRPC before it. */
export function createHub(options: HubOptions): Hub & { connect(transport: Transport): Connection } {
  const { clock, log } = options;
  const proxies = new Map<string, Proxy>();
  const listeners = new Set<(proxyId: string, state: ProxyState) => void>();
  const askListeners = new Set<(proxyId: string, asked: ReadonlySet<string>) => void>();

  const schedule = fairQueue<Stream>(clock, (stream) => {
    const event = stream.inbox.shift();
    if (event && stream.open) enact(stream, step(stream.machine, event, clock.now()));
    return stream.inbox.length > 0 ? 'more' : 'done';
  });

  function feed(stream: Stream, event: StreamEvent): void {
    if (!stream.open) return;
    stream.inbox.push(event);
    schedule(stream);
  }

  function enact(stream: Stream, actions: readonly StreamAction[]): void {
    const proxy = stream.proxy!;
    let told = false;
    for (const action of actions) {
      switch (action.kind) {
        case 'send':
          stream.transport.send(action.response);
          break;
        case 'resolve':
          for (const name of action.names) if (!stream.fetches.has(name)) fetchSecret(stream, name);
          break;
        case 'asked':
          noteAsked(proxy, action.names);
          break;
        case 'acked':
          told = true;
          break;
        case 'rejected':
          told = true;
          log.warn('a proxy refused a resource and keeps what it had', {
            proxy: proxy.id,
            type: action.typeUrl,
            resource: action.name,
            reason: action.message,
          });
          break;
        case 'settled':
          told = true;
          proxy.acked = action.generation;
          break;
        case 'wake':
          wakeAt(stream, action.at);
          break;
      }
    }
    if (told) tell(proxy);
  }

  function noteAsked(proxy: Proxy, names: readonly string[]): void {
    const fresh = names.filter((name) => !proxy.asked.has(name));
    if (fresh.length === 0) return;
    if (proxy.asked.size + fresh.length > MAX_ASKED) {
      log.warn('a proxy asks for more hosts than it may and is not answered', { proxy: proxy.id, asked: proxy.asked.size });
      return;
    }
    proxy.asked = new Set([...proxy.asked, ...fresh]);
    for (const listener of askListeners) listener(proxy.id, proxy.asked);
  }

  function tell(proxy: Proxy): void {
    if (listeners.size === 0) return;
    const state = stateOf(proxy);
    for (const listener of listeners) listener(proxy.id, state);
  }

  function wakeAt(stream: Stream, at: number): void {
    if (stream.wake && stream.wake.at <= at) return;
    stream.wake?.timer.cancel();
    const timer = clock.after(at - clock.now(), () => {
      stream.wake = undefined;
      feed(stream, { kind: 'tick' });
    });
    stream.wake = { at, timer };
  }

  function fetchSecret(stream: Stream, name: string): void {
    const fetch = (stream.fetches.get(name) ?? 0) + 1;
    stream.fetches.set(name, fetch);
    const proxyId = stream.proxy!.id;
    options.secrets(proxyId, name).then(
      (material) => {
        if (!stream.open || stream.fetches.get(name) !== fetch) return;
        if (material) stream.secrets.set(name, encodeSecret(name, material));
        else stream.secrets.delete(name);
        feed(stream, { kind: 'secrets', secrets: new Map(stream.secrets) });
      },
      (error: unknown) => {
        if (!stream.open || stream.fetches.get(name) !== fetch) return;
        log.warn('a secret for a proxy could not be had; it is tried again', { proxy: proxyId, secret: name, error: messageOf(error) });
        clock.after(SECRET_RETRY_MS, () => {
          if (stream.open && stream.fetches.get(name) === fetch) fetchSecret(stream, name);
        });
      },
    );
  }

  function proxyOf(id: string): Proxy {
    let proxy = proxies.get(id);
    if (!proxy) {
      const created: Proxy = {
        id,
        snapshot: undefined,
        published: 0,
        acked: 0,
        asked: new Set(),
        stream: undefined,
        push: coalesce(clock, () => {
          if (created.stream && created.snapshot) feed(created.stream, { kind: 'snapshot', snapshot: created.snapshot });
        }),
      };
      proxies.set(id, (proxy = created));
    }
    return proxy;
  }

  /** Binds the stream to the proxy that its first request names. */
  function introduce(stream: Stream, node: Node | undefined): boolean {
    const who = node ? options.resolve(node) : { reject: 'the first request of a stream must carry the node' };
    if ('reject' in who) {
      log.warn('a proxy was refused', { node: node?.id, reason: who.reject });
      end(stream, who.reject);
      return false;
    }
    const proxy = proxyOf(who.proxyId);
    // A proxy that connects again has given up its old stream, even when we have not noticed yet.
    if (proxy.stream) end(proxy.stream, 'replaced by a newer stream of the same proxy');
    proxy.stream = stream;
    stream.proxy = proxy;
    if (proxy.snapshot) feed(stream, { kind: 'snapshot', snapshot: proxy.snapshot });
    tell(proxy);
    return true;
  }

  function end(stream: Stream, reason: string): void {
    release(stream);
    stream.transport.end(reason);
  }

  function release(stream: Stream): void {
    if (!stream.open) return;
    stream.open = false;
    stream.wake?.timer.cancel();
    stream.inbox.length = 0;
    const { proxy } = stream;
    if (proxy?.stream !== stream) return;
    proxy.stream = undefined;
    tell(proxy);
  }

  return {
    publish(proxyId, resources, when) {
      const proxy = proxyOf(proxyId);
      if (proxy.snapshot?.resources === resources) return proxy.published;
      proxy.published++;
      proxy.snapshot = { generation: proxy.published, resources };
      if (when === 'now') proxy.push.now();
      else proxy.push.trigger();
      return proxy.published;
    },
    asked: (proxyId) => proxies.get(proxyId)?.asked ?? new Set(),
    onAsk(listener) {
      askListeners.add(listener);
      return () => askListeners.delete(listener);
    },
    forget(proxyId) {
      const proxy = proxies.get(proxyId);
      if (!proxy) return;
      proxies.delete(proxyId);
      proxy.push.cancel();
      if (proxy.stream) end(proxy.stream, 'this proxy is no longer part of the mesh');
    },
    state(proxyId) {
      return stateOf(proxies.get(proxyId));
    },
    proxies: () => [...proxies.keys()],
    onAck(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    secretsChanged(proxyId) {
      for (const proxy of proxyId === undefined ? proxies.values() : [proxies.get(proxyId)]) {
        const stream = proxy?.stream;
        for (const name of stream?.fetches.keys() ?? []) fetchSecret(stream!, name);
      }
    },
    connect(transport) {
      const stream: Stream = {
        transport,
        machine: newStream(),
        inbox: [],
        secrets: new Map(),
        fetches: new Map(),
        proxy: undefined,
        wake: undefined,
        open: true,
      };
      return {
        receive(request) {
          if (!stream.open || (!stream.proxy && !introduce(stream, request.node))) return;
          if (stream.inbox.length >= MAX_INBOX) {
            log.warn('a proxy sends faster than it is answered and is cut off', { proxy: stream.proxy?.id });
            return end(stream, 'too many requests are waiting');
          }
          feed(stream, { kind: 'request', request });
        },
        closed: () => release(stream),
      };
    },
  };
}

function stateOf(proxy: Proxy | undefined): ProxyState {
  const subscriptions = proxy?.stream?.machine.subscriptions;
  const sync = (type: keyof ProxyState['sync']): SyncState => {
    const s = subscriptions?.[type];
    if (!s?.opened || (s.heldCount === 0 && !s.busy)) return 'notSent';
    return s.busy ? 'stale' : 'synced';
  };
  return {
    connected: proxy?.stream !== undefined,
    published: proxy?.published ?? 0,
    acked: proxy?.acked ?? 0,
    sync: {
      cluster: sync('cluster'),
      endpoint: sync('endpoint'),
      listener: sync('listener'),
      route: sync('route'),
      virtualHost: sync('virtualHost'),
      secret: sync('secret'),
    },
    rejections: Object.values(subscriptions ?? {}).flatMap((s) =>
      [...s.rejections()].map(([name, { version, message }]) => ({ typeUrl: s.typeUrl, name, version, message })),
    ),
  };
}
