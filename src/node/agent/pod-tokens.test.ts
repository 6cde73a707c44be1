import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TokenRequest } from 'kubernetes-types/authentication/v1.js';
import { silentLog, VirtualClock } from '../../base/index.ts';
import type { Client } from '../../control/index.ts';
import type { Pod } from '../objects.ts';
import { ConfigProblem } from '../plan/env.ts';
import { podTokens } from './pod-tokens.ts';

const MINUTE = 60_000;
const source = { path: 'token', expirationSeconds: 3600 };
const pod: Pod = {
  metadata: { name: 'p', namespace: 'n', uid: 'u' },
  spec: {
    serviceAccountName: 'robot',
    containers: [],
    volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: source }] } }],
  },
};

function setup() {
  const clock = new VirtualClock();
  const asked: TokenRequest[] = [];
  const state = { fails: false };
  const client: Pick<Client, 'create'> = {
    async create(_resource, object) {
      if (state.fails) throw new Error('no answer');
      const request = object as unknown as TokenRequest;
      asked.push(request);
      const expirationTimestamp = new Date(clock.now() + (request.spec.expirationSeconds ?? 0) * 1000).toISOString();
      return { ...object, status: { token: `t${asked.length}`, expirationTimestamp } };
    },
  };
  return { clock, asked, state, tokens: podTokens(client, clock, silentLog) };
}

test('a token is asked for once, bound to its pod, and again when four fifths of its life are over', async () => {
  const { clock, asked, tokens } = setup();
  const again = await tokens.fetch(pod);
  assert.equal(again, clock.now() + 48 * MINUTE);
  assert.deepEqual(asked[0]!.metadata, { namespace: 'n', name: 'robot' });
  assert.deepEqual(asked[0]!.spec.boundObjectRef, { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u' });
  await clock.advance(47 * MINUTE);
  await tokens.fetch(pod);
  assert.equal(tokens.of(pod, source), 't1');
  await clock.advance(MINUTE);
  await tokens.fetch(pod);
  assert.equal(tokens.of(pod, source), 't2');
  assert.equal(asked.length, 2);
});

test('each audience has its own', async () => {
  const { asked, tokens } = setup();
  const vault = { path: 'vault', audience: 'vault', expirationSeconds: 600 };
  const both = {
    ...pod,
    spec: {
      ...pod.spec!,
      volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: source }, { serviceAccountToken: vault }] } }],
    },
  };
  await tokens.fetch(both);
  assert.deepEqual(
    asked.map((r) => r.spec.audiences),
    [[], ['vault']],
  );
  assert.notEqual(tokens.of(both, source), tokens.of(both, vault));
});

test('a renewal that fails leaves the token that is still good; without one the pod waits', async () => {
  const { clock, state, tokens } = setup();
  await tokens.fetch(pod);
  state.fails = true;
  await clock.advance(50 * MINUTE);
  assert.equal(await tokens.fetch(pod), clock.now() + 30_000);
  assert.equal(tokens.of(pod, source), 't1');
  await clock.advance(11 * MINUTE);
  await assert.rejects(tokens.fetch(pod), (e) => e instanceof ConfigProblem && /failed to fetch token: no answer/.test(e.message));
  tokens.forget('u');
  assert.equal(tokens.of(pod, source), undefined);
});

test('a pod without tokens asks for nothing', async () => {
  const { asked, tokens } = setup();
  assert.equal(await tokens.fetch({ metadata: { uid: 'x' }, spec: { containers: [] } }), undefined);
  assert.equal(asked.length, 0);
});
