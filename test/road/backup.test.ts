/** What an instance holds, written to a file while it runs and put back when it is down; and what it says of a store that is damaged. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { newInstance, type Instance } from '../support/instance.ts';

let one: Instance;
before(async () => {
  one = await newInstance('backup');
  await one.up();
});
after(() => one.close());

test('a backup brings back what was there, also in the place of a damaged store', { timeout: 240_000 }, async () => {
  const file = join(one.dir, 'objects.bak');
  const store = join(one.dir, 'state', one.name, 'store');
  const names = async (): Promise<string> => (await one.kubectl.run(['get', 'configmaps', '-o', 'name'])).stdout;
  await one.kubectl.run(['create', 'configmap', 'kept', '--from-literal=a=b']);

  const live = await one.sluice(['backup', file, '-o', 'json']);
  assert.equal(live.code, 0, live.stderr);
  const { objects, revision, bytes } = JSON.parse(live.stdout) as { objects: number; revision: number; bytes: number };
  assert.ok(objects > 10 && revision >= objects);
  assert.deepEqual([statSync(file).size, statSync(file).mode & 0o777], [bytes, 0o600]);
  const again = await one.sluice(['backup', file]);
  assert.match(again.stderr, /is there already[^]*--force/);

  await one.kubectl.run(['delete', 'configmap', 'kept']);
  await one.kubectl.run(['create', 'configmap', 'later']);
  const up = await one.sluice(['restore', file, '--force']);
  assert.equal(up.code, 1);
  assert.match(up.stderr, /is up[^]*sluice down/);
  await one.sluice(['down']);
  assert.equal((await one.sluice(['backup', join(one.dir, 'down.bak')])).code, 0, 'also when it is down');
  assert.match((await one.sluice(['restore', file])).stderr, /there is a store in .* already[^]*--force/);

  const journal = readdirSync(store).find((name) => name.endsWith('.journal'))!;
  const damaged = readFileSync(join(store, journal));
  damaged[damaged.length >> 1]! ^= 4;
  writeFileSync(join(store, journal), damaged);
  const refused = await one.sluice(['up']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /is damaged: what is at byte \d+ is not what was written there[^]*sluice restore FILE --force/);
  const doctor = await one.sluice(['doctor']);
  assert.match(doctor.stdout, /FAIL\s+store\s+.*is damaged/);
  assert.match((await one.sluice(['backup', join(one.dir, 'damaged.bak')])).stderr, /is damaged/);

  const restored = await one.sluice(['restore', file, '--force', '-o', 'json']);
  assert.equal(restored.code, 0, restored.stderr);
  const after = JSON.parse(restored.stdout) as { objects: number; revision: number; kept: string };
  assert.equal(after.objects, objects);
  assert.ok(after.revision > revision);
  assert.deepEqual(readdirSync(after.kept), [journal]);
  await one.up();
  const now = await names();
  assert.ok(now.includes('configmap/kept') && !now.includes('configmap/later'), now);
});
