import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TypeUrl } from '../envoy/index.ts';
import { Subscription } from './subscription.ts';
import type { DeltaRequest } from './wire.ts';

function request(more: Partial<DeltaRequest> = {}): DeltaRequest {
  return { typeUrl: TypeUrl.listener, subscribe: [], unsubscribe: [], initialVersions: new Map(), nonce: '', ...more };
}

test('a proxy that is to hold nothing is told so, once: it waits for the word before it starts', () => {
  const listeners = new Subscription(TypeUrl.listener);
  listeners.subscribe(request());
  const delta = listeners.due();
  assert.deepEqual(delta, { resources: [], removed: [] });
  listeners.send('1', delta);
  assert.equal(listeners.due(), undefined);
  assert.deepEqual(listeners.answer(request({ nonce: '1' })), { kind: 'accepted', names: [] });
  assert.equal(listeners.due(), undefined);
});

test('a proxy that comes back with what it holds is told nothing', () => {
  const listeners = new Subscription(TypeUrl.listener);
  const held = { typeUrl: TypeUrl.listener, name: 'a', version: '1', bytes: new Uint8Array() };
  listeners.retarget(new Map([['a', held]]));
  listeners.subscribe(request({ initialVersions: new Map([['a', '1']]) }));
  assert.equal(listeners.due(), undefined);
});

test('what cannot be written in protobuf is refused without a word to the proxy, until it is another', () => {
  const routes = new Subscription(TypeUrl.listener);
  const held = { typeUrl: TypeUrl.listener, name: 'a', version: '1', bytes: new Uint8Array() };
  routes.subscribe(request({ initialVersions: new Map([['a', '1']]) }));
  routes.retarget(new Map([['a', { ...held, version: '2', unfit: 'out of range' }]]));
  assert.equal(routes.due(), undefined);
  assert.deepEqual([...routes.rejections()], [['a', { version: '2', message: 'out of range' }]]);
  const mended = { ...held, version: '3' };
  routes.retarget(new Map([['a', mended]]));
  assert.deepEqual(routes.due(), { resources: [mended], removed: [] });
  assert.equal(routes.rejections().size, 0);
});
