/** The demo as a user starts it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newInstance, type Instance } from '../support/instance.ts';

let it: Instance;
before(async () => {
  it = await newInstance('demo');
});
after(() => it.close());

test('the demo shows what it says, and ends with 0', async () => {
  const { api, http, https, prometheus } = it.ports;
  const ports = [`--api-port=${api}`, `--http-port=${http}`, `--https-port=${https}`, `--prometheus-port=${prometheus}`];
  const { code, stdout, stderr } = await it.sluice(['demo', '-o', 'json', ...ports]);
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  const summary = JSON.parse(stdout) as { ok: boolean; seconds: number; failed: unknown[]; steps: Record<string, number> };
  assert.deepEqual(summary.failed, []);
  assert.equal(summary.ok, true);
  assert.ok(summary.seconds < 90, `${summary.seconds} s`);
  assert.match(stderr, /within three standard deviations/);
  assert.match(stderr, /the canary ended Succeeded/);
  assert.match(stderr, /the canary ended Failed/);
  assert.equal((await it.status()).state, 'running', 'it goes on running');
});
