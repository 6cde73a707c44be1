/** A release's life with the real helm, which applies on the server and waits by watching. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ConfigMaps } from '../../src/api/index.ts';
import { startTestApi, type TestApi } from '../support/api-server.ts';
import { toolPath } from '../support/kubectl.ts';

let api: TestApi;
before(async () => (api = await startTestApi()));
after(() => api.close());

function helm(...args: string[]): Promise<string> {
  const env = { HOME: api.dir, KUBECONFIG: join(api.dir, 'kubeconfig'), PATH: process.env['PATH'] ?? '' };
  return new Promise((resolve, reject) => {
    execFile(toolPath('helm'), args, { env, timeout: 20_000 }, (error, stdout, stderr) =>
      error ? reject(new Error(stderr)) : resolve(stdout),
    );
  });
}

test('install, upgrade, roll back and uninstall', async () => {
  const chart = join(api.dir, 'chart');
  mkdirSync(join(chart, 'templates'), { recursive: true });
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: demo\nversion: 0.1.0\n');
  writeFileSync(
    join(chart, 'templates', 'config.yaml'),
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: "{{ .Release.Name }}" }\ndata: { colour: "{{ .Values.colour }}" }\n',
  );
  const colour = async (): Promise<string | undefined> =>
    (await api.client.get(ConfigMaps, { namespace: 'default', name: 'rel' }))?.data?.['colour'];

  await helm('install', 'rel', chart, '--set', 'colour=red', '--wait');
  assert.equal(await colour(), 'red');
  await helm('upgrade', 'rel', chart, '--set', 'colour=blue', '--wait');
  assert.equal(await colour(), 'blue');
  assert.match(await helm('list'), /^rel\s+default\s+2\s.*deployed/m);
  await helm('rollback', 'rel', '1', '--wait');
  assert.equal(await colour(), 'red');
  await helm('uninstall', 'rel', '--wait');
  assert.equal(await colour(), undefined);
});
