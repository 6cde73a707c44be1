import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { Fault } from '../../base/index.ts';
import { ENVOY_VERSION, findEnvoy } from './envoy-binary.edge.ts';

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'envoy-'));
});
after(() => rmSync(dir, { recursive: true }));

/** A program that says it is this version of Envoy. */
function fake(path: string, version: string): string {
  const file = join(dir, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\necho "envoy  version: 0123abcd/${version}/Clean/RELEASE/BoringSSL"\n`);
  chmodSync(file, 0o755);
  return file;
}

test('the named one before the cache before the PATH; another minor version on the PATH is passed over', async () => {
  const named = fake('mine/envoy', '1.39.2');
  const cache = fake(`cache/envoy-${ENVOY_VERSION}/envoy`, ENVOY_VERSION);
  const other = fake('other/envoy', '1.33.0');
  const near = fake('near/envoy', ENVOY_VERSION.replace(/\d+$/, '9'));
  const path = `${dirname(other)}::${dirname(near)}`;
  const found = async (env: NodeJS.ProcessEnv, cacheDir: string): Promise<unknown> => {
    const envoy = await findEnvoy(env, join(dir, cacheDir));
    return envoy && [envoy.path, envoy.from];
  };
  assert.deepEqual(await found({ SLUICE_ENVOY: named, PATH: path }, 'cache'), [named, 'SLUICE_ENVOY']);
  assert.deepEqual(await found({ PATH: path }, 'cache'), [cache, 'cache']);
  assert.deepEqual(await found({ PATH: path }, 'empty'), [near, 'PATH']);
  assert.equal(await found({ PATH: dirname(other) }, 'empty'), undefined);
  assert.equal(await found({}, 'empty'), undefined);
});

test('a SLUICE_ENVOY that is none says so', async () => {
  const text = join(dir, 'text');
  writeFileSync(text, 'no program');
  const silent = fake('silent', 'no version');
  const table: [string, string][] = [
    [join(dir, 'absent'), 'EnvoyMissing'],
    [text, 'EnvoyMissing'],
    [silent, 'EnvoyBroken'],
  ];
  for (const [path, code] of table)
    await assert.rejects(
      findEnvoy({ SLUICE_ENVOY: path }, dir),
      (e) => e instanceof Fault && e.code === code && e.message.includes(path),
      path,
    );
});
