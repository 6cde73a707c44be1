import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock, silentLog } from '../base/index.ts';
import { TypeUrl, type EnvoyResource, type ProxyResources } from '../envoy/index.ts';
import { createHub, type Connection, type HubOptions } from './hub.ts';
import { LINGER_MS } from './stream.ts';
import type { DeltaRequest, DeltaResponse } from './wire.ts';

const resource = (typeUrl: TypeUrl, name: string, version = '1'): EnvoyResource => ({
  typeUrl,
  name,
  version,
  bytes: Buffer.from(`${name}@${version}`),
});
const clusters = (...of: string[]): Map<string, EnvoyResource> =>
  new Map(of.map((x) => [x.split('@')[0]!, resource(TypeUrl.cluster, x.split('@')[0]!, x.split('@')[1] ?? '1')]));
const none = new Map<string, EnvoyResource>();
const mesh = (part: Partial<ProxyResources>): ProxyResources => ({
  clusters: none,
  endpoints: none,
  listeners: none,
  routes: none,
  virtualHosts: none,
  ...part,
});

/** A client written by hand: says only what the test says. */
class Client {
  readonly inbox: DeltaResponse[] = [];
  ended: string | undefined;
  readonly #connection: Connection;

  constructor(hub: ReturnType<typeof createHub>) {
    this.#connection = hub.connect({ send: (r) => this.inbox.push(r), end: (reason) => (this.ended = reason) });
  }

  say(typeUrl: string, part: Partial<DeltaRequest> = {}): void {
    this.#connection.receive({
      node: { id: 'p', cluster: '' },
      typeUrl,
      subscribe: [],
      unsubscribe: [],
      initialVersions: new Map(),
      nonce: '',
      ...part,
    });
  }

  /** Takes the only response that is waiting; `short` is its names, removed ones with a minus. */
  take(): { short: string; nonce: string; typeUrl: string } {
    assert.equal(this.inbox.length, 1, JSON.stringify(this.inbox.map((r) => r.resources.map((x) => x.name))));
    const r = this.inbox.shift()!;
    return {
      short: [...r.resources.map((x) => `${x.name}@${x.version}`), ...r.removed.map((n) => `-${n}`)].join(' '),
      nonce: r.nonce,
      typeUrl: r.typeUrl,
    };
  }

  ack(expected: string, error?: string): void {
    const { short, nonce, typeUrl } = this.take();
    assert.equal(short, expected);
    this.say(typeUrl, { nonce, error });
  }
}

function world(part: Partial<HubOptions> = {}) {
  const clock = new VirtualClock(0);
  const hub = createHub({
    clock,
    log: silentLog,
    resolve: (node) => (node.id === 'p' ? { proxyId: 'p' } : { reject: 'unknown' }),
    secrets: async () => undefined,
    ...part,
  });
  return { clock, hub, idle: () => clock.advance(0) };
}

test('a proxy that connects first is answered when its first publication comes', async () => {
  const { hub, idle } = world();
  const client = new Client(hub);
  client.say(TypeUrl.cluster);
  await idle();
  assert.equal(client.inbox.length, 0);
  assert.equal(hub.state('p').connected, true);
  hub.publish('p', mesh({ clusters: clusters('a', 'b') }));
  await idle();
  client.ack('a@1 b@1');
});

test('named clusters only, or all of them with *', async () => {
  const { hub, idle } = world();
  hub.publish('p', mesh({ clusters: clusters('a', 'b', 'c') }));
  const client = new Client(hub);
  client.say(TypeUrl.cluster, { subscribe: ['a', 'nowhere'] });
  await idle();
  client.ack('a@1 -nowhere');
  client.say(TypeUrl.cluster, { subscribe: ['*'] });
  await idle();
  client.ack('b@1 c@1');
  client.say(TypeUrl.cluster, { subscribe: ['b'] });
  await idle();
  client.ack('b@1');
});

test('what a proxy declares on connecting is not sent; what is no longer there is removed, after a while', async () => {
  const { hub, idle, clock } = world();
  hub.publish('p', mesh({ clusters: clusters('a', 'b@2') }));
  const client = new Client(hub);
  client.say(TypeUrl.cluster, {
    initialVersions: new Map([
      ['a', '1'],
      ['b', '1'],
      ['old', '1'],
    ]),
  });
  await idle();
  client.ack('b@2');
  await clock.advance(LINGER_MS - 1);
  assert.equal(client.inbox.length, 0);
  await clock.advance(1);
  client.ack('-old');
});

test('a burst of publications is one push: the first at once, the last after it', async () => {
  const { hub, idle, clock } = world();
  const client = new Client(hub);
  client.say(TypeUrl.cluster);
  for (let i = 1; i <= 20; i++) hub.publish('p', mesh({ clusters: clusters(`a@${i}`) }));
  await idle();
  client.ack('a@1');
  await clock.advance(50);
  client.ack('a@20');
  await idle();
  assert.equal(client.inbox.length, 0);
});

test('of many resources the bad ones are found, reported and left out, until they change', async () => {
  const { hub, idle, clock } = world();
  hub.publish('p', mesh({ clusters: clusters('a', 'b', 'bad', 'c', 'd') }));
  const client = new Client(hub);
  client.say(TypeUrl.cluster);
  const held = new Set<string>();
  for (let i = 0; i < 20; i++) {
    await idle();
    if (client.inbox.length === 0) break;
    const { short, nonce } = client.take();
    const bad = short.includes('bad@1');
    if (!bad) for (const name of short.split(' ')) held.add(name);
    client.say(TypeUrl.cluster, { nonce, error: bad ? 'bad: no such filter' : undefined });
  }
  assert.deepEqual([...held].sort(), ['a@1', 'b@1', 'c@1', 'd@1']);
  assert.deepEqual(hub.state('p').rejections, [{ typeUrl: TypeUrl.cluster, name: 'bad', version: '1', message: 'bad: no such filter' }]);
  hub.publish('p', mesh({ clusters: clusters('a', 'b', 'bad@2', 'c', 'd') }));
  await clock.advance(50);
  client.ack('bad@2');
  await idle();
  assert.deepEqual(hub.state('p').rejections, []);
});

test('an answer to another response than the one in flight acknowledges nothing', async () => {
  const { hub, idle } = world();
  hub.publish('p', mesh({ clusters: clusters('a') }));
  const client = new Client(hub);
  client.say(TypeUrl.cluster);
  client.say(TypeUrl.listener);
  await idle();
  client.say(TypeUrl.cluster, { nonce: 'from another stream' });
  await idle();
  assert.equal(hub.state('p').acked, 0);
  client.ack('a@1');
  await idle();
  // There are no listeners: that is said too, or the proxy would wait for them.
  client.ack('');
  await idle();
  assert.deepEqual(
    { ...hub.state('p'), rejections: undefined },
    {
      connected: true,
      published: 1,
      acked: 1,
      sync: { cluster: 'synced', endpoint: 'notSent', listener: 'notSent', route: 'notSent', virtualHost: 'notSent', secret: 'notSent' },
      rejections: undefined,
    },
  );
});

test('what is refused of a secret is forgotten with the secret', async () => {
  const { hub, idle } = world({ secrets: async () => ({ kind: 'trust', caPem: 'x' }) });
  const client = new Client(hub);
  client.say(TypeUrl.secret, { subscribe: ['kubernetes://tls'] });
  await idle();
  const { nonce } = client.take();
  client.say(TypeUrl.secret, { nonce, error: 'no such cipher' });
  await idle();
  assert.deepEqual(
    hub.state('p').rejections.map((r) => r.message),
    ['no such cipher'],
  );
  client.say(TypeUrl.secret, { unsubscribe: ['kubernetes://tls'] });
  await idle();
  assert.deepEqual(hub.state('p').rejections, []);
});

test('secrets come when they are there, change when told, and are asked for again after a failure', async () => {
  const certs = new Map<string, string>();
  let failing = false;
  const { hub, idle, clock } = world({
    secrets: async (_proxy, name) => {
      if (failing) throw new Error('not now');
      const pem = certs.get(name);
      return pem === undefined ? undefined : { kind: 'trust', caPem: pem };
    },
  });
  const client = new Client(hub);
  client.say(TypeUrl.secret, { subscribe: ['ROOTCA', 'kubernetes://tls'] });
  await idle();
  assert.equal(client.inbox.length, 0);
  certs.set('ROOTCA', 'one');
  hub.secretsChanged();
  await idle();
  const first = client.inbox[0]!.resources[0]!.version;
  client.ack(`ROOTCA@${first}`);
  hub.secretsChanged('p');
  await idle();
  assert.equal(client.inbox.length, 0);
  failing = true;
  certs.set('kubernetes://tls', 'two');
  hub.secretsChanged();
  await idle();
  failing = false;
  await clock.advance(1000);
  assert.match(client.take().short, /^kubernetes:..tls@\w+$/);
});

test('refused nodes, replaced streams, forgotten proxies and floods end with a reason', async () => {
  const { hub, idle } = world();
  const stranger = new Client(hub);
  stranger.say(TypeUrl.cluster, { node: { id: 'x', cluster: '' } });
  assert.equal(stranger.ended, 'unknown');
  const nameless = new Client(hub);
  nameless.say(TypeUrl.cluster, { node: undefined });
  assert.match(nameless.ended!, /must carry the node/);
  const first = new Client(hub);
  first.say(TypeUrl.cluster);
  const second = new Client(hub);
  second.say(TypeUrl.cluster);
  assert.match(first.ended!, /newer stream/);
  assert.equal(hub.state('p').connected, true);
  for (let i = 0; i < 2000; i++) second.say(TypeUrl.route, { subscribe: [`r${i}`] });
  assert.match(second.ended!, /too many/);
  const third = new Client(hub);
  third.say(TypeUrl.cluster);
  await idle();
  hub.forget('p');
  assert.match(third.ended!, /no longer/);
  assert.deepEqual(hub.proxies(), []);
});
