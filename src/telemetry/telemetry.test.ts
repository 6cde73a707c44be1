import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault, silentLog, systemClock } from '../base/index.ts';
import { startTelemetry } from './index.ts';

test('the worker reads targets, answers queries and serves the Prometheus API', { timeout: 20_000 }, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'telemetry-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const adminSocket = join(dir, 'admin.sock');
  let asked = '';
  let count = 0;
  const admin = createServer((req, res) => {
    asked = req.url ?? '';
    count += 5;
    res.end(`# TYPE envoy_istio_requests_total counter\nenvoy_istio_requests_total{response_code="200"} ${count}\n`);
  }).listen(adminSocket);
  await once(admin, 'listening');
  t.after(() => admin.close());

  const telemetry = await startTelemetry({ clock: systemClock, log: silentLog, port: 0, intervalMs: 50 });
  t.after(() => telemetry.close());
  telemetry.setTargets([{ id: 'a', adminSocket, labels: { pod: 'a' } }]);
  const rate = async (): Promise<number> => {
    const result = await telemetry.query('sum(rate(istio_requests_total{pod="a"}[1s]))');
    return result.type === 'vector' ? (result.samples[0]?.value ?? 0) : NaN;
  };
  const deadline = Date.now() + 10_000;
  while ((await rate()) < 20) assert.ok(Date.now() < deadline, 'nothing was collected');
  assert.match(asked, /^\/stats\?format=prometheus&usedonly&filter=%5E\(istio/);

  await assert.rejects(telemetry.query('sum('), (e) => e instanceof Fault && e.code === 'PromqlInvalid' && e.hint !== undefined);
  const url = `http://127.0.0.1:${telemetry.port}/api/v1/query`;
  for (const init of [{ method: 'POST', body: new URLSearchParams({ query: 'count(istio_requests_total)' }) }, undefined]) {
    const response = await fetch(init ? url : `${url}?query=count(istio_requests_total)`, init);
    const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
    assert.equal(data.result[0]!.value[1], '1');
  }
  assert.equal((await fetch(url, { method: 'DELETE' })).status, 405);

  telemetry.setTargets([]);
  const shown = async (): Promise<number> => {
    const result = await telemetry.query('istio_requests_total');
    return result.type === 'vector' ? result.samples.length : NaN;
  };
  while ((await shown()) > 0) assert.ok(Date.now() < deadline, 'what is no target any more is still shown');

  const second = startTelemetry({ clock: systemClock, log: silentLog, port: telemetry.port });
  await assert.rejects(second, (e) => e instanceof Fault && e.code === 'TelemetryPort');
});
