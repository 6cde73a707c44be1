import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog, VirtualClock } from '../../base/index.ts';
import type { KeySource } from '../../mesh/index.ts';
import { createKeySets } from './key-sets.ts';

const URL = 'http://issuer/keys';
const one = JSON.stringify({ keys: [{ kty: 'EC', kid: '1' }] });
const two = JSON.stringify({ keys: [{ kty: 'EC', kid: '2' }] });
const wanted = (...sources: KeySource[]): Map<string, KeySource> => new Map(sources.map((s) => [s.url, s]));
const plain = wanted({ url: URL, discovery: false });

function setup(): {
  answers: Map<string, string>;
  asked: string[];
  changes: () => number;
  clock: VirtualClock;
  keySets: ReturnType<typeof createKeySets>;
} {
  const answers = new Map<string, string>();
  const asked: string[] = [];
  const clock = new VirtualClock();
  let changes = 0;
  const keySets = createKeySets({
    fetch: (url, timeoutMs) => {
      asked.push(timeoutMs === undefined ? url : `${url} within ${timeoutMs} ms`);
      const answer = answers.get(url);
      return answer === undefined ? Promise.reject(new Error('connection refused')) : Promise.resolve(answer);
    },
    changed: () => changes++,
    clock,
    log: silentLog,
  });
  return { answers, asked, changes: () => changes, clock, keySets };
}

test('keys are fetched once they are wanted, again after 20 minutes, and only a change is said', async () => {
  const { answers, asked, changes, clock, keySets } = setup();
  answers.set(URL, one);
  keySets.want(plain);
  keySets.want(plain);
  await keySets.tried();
  assert.deepEqual([keySets.current().get(URL), asked.length, changes()], [{ keys: one }, 1, 1]);
  await clock.advance(19 * 60_000);
  assert.equal(asked.length, 1);
  await clock.advance(60_000);
  assert.deepEqual([asked.length, changes()], [2, 1]);
  answers.set(URL, two);
  await clock.advance(20 * 60_000);
  assert.deepEqual([keySets.current().get(URL), changes()], [{ keys: two }, 2]);
});

test('an answer may take as long as is said now', async () => {
  const { answers, asked, clock, keySets } = setup();
  answers.set(URL, one);
  keySets.want(wanted({ url: URL, discovery: false, timeoutMs: 300 }));
  await keySets.tried();
  keySets.want(wanted({ url: URL, discovery: false, timeoutMs: 700 }));
  await clock.advance(20 * 60_000);
  assert.deepEqual(asked, [`${URL} within 300 ms`, `${URL} within 700 ms`]);
});

test('the last good keys stay when no others can be had; it is tried again, ever more rarely', async () => {
  const { answers, asked, clock, keySets } = setup();
  answers.set(URL, one);
  keySets.want(plain);
  await keySets.tried();
  answers.set(URL, '<html>');
  await clock.advance(20 * 60_000);
  assert.deepEqual(keySets.current().get(URL), { keys: one, error: 'the answer is no JSON' });
  const gaps: number[] = [];
  for (let i = 0; i < 8; i++) {
    const before = clock.now();
    await clock.advance(clock.next()! - before);
    gaps.push((clock.now() - before) / 1000);
  }
  assert.deepEqual(gaps, [1, 2, 4, 8, 16, 32, 60, 60]);
  assert.equal(asked.length, 10);
  answers.set(URL, two);
  await clock.advance(60_000);
  assert.deepEqual(keySets.current().get(URL), { keys: two });
});

test('what holds no keys is an error; so is nobody who answers', async () => {
  for (const [answer, error] of [
    [undefined, 'connection refused'],
    ['{}', 'the answer holds no keys'],
    ['null', 'the answer holds no keys'],
    ['{"keys":[]}', 'the answer holds no keys'],
    ['{"keys":[{"kid":"1"}]}', 'the answer holds no keys'],
  ] as const) {
    const { answers, keySets } = setup();
    if (answer !== undefined) answers.set(URL, answer);
    keySets.want(plain);
    await keySets.tried();
    assert.deepEqual(keySets.current().get(URL), { error }, answer);
  }
});

test('an OpenID configuration says where the keys are', async () => {
  const { answers, asked, keySets } = setup();
  const url = 'http://issuer/.well-known/openid-configuration';
  answers.set(url, JSON.stringify({ jwks_uri: URL }));
  answers.set(URL, one);
  keySets.want(wanted({ url, discovery: true }));
  await keySets.tried();
  assert.deepEqual([keySets.current().get(url), asked], [{ keys: one }, [url, URL]]);
});

test('what nobody wants is forgotten, and not fetched again', async () => {
  const { answers, asked, clock, keySets } = setup();
  answers.set(URL, one);
  keySets.want(plain);
  await keySets.tried();
  keySets.want(new Map());
  assert.equal(keySets.current().size, 0);
  await clock.advance(24 * 3_600_000);
  assert.equal(asked.length, 1);
});
