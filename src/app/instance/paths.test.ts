import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../../base/index.ts';
import { instancePaths, withRunDir } from './paths.ts';

const at = { env: {}, home: '/home/ann', uid: 1000 };

test('places follow the XDG variables, and have places without them', () => {
  const table: [Record<string, string>, string, string, string][] = [
    [{}, '/home/ann/.local/state/sluice/dev', '/tmp/sluice-1000/dev', '/home/ann/.cache/sluice'],
    [
      { XDG_STATE_HOME: '/s', XDG_RUNTIME_DIR: '/run/user/1000', XDG_CACHE_HOME: '/c' },
      '/s/sluice/dev',
      '/run/user/1000/sluice/dev',
      '/c/sluice',
    ],
    [
      { XDG_STATE_HOME: '', XDG_RUNTIME_DIR: '', XDG_CACHE_HOME: '' },
      '/home/ann/.local/state/sluice/dev',
      '/tmp/sluice-1000/dev',
      '/home/ann/.cache/sluice',
    ],
  ];
  for (const [env, state, run, cache] of table) {
    const p = instancePaths('dev', { ...at, env });
    assert.deepEqual([p.stateDir, p.runDir, p.cacheDir], [state, run, cache]);
  }
});

test('the context is named after the instance', () => {
  assert.equal(instancePaths('default', at).context, 'sluice');
  assert.equal(instancePaths('dev', at).context, 'sluice-dev');
});

test('one name with two states is two instances', () => {
  const usual = instancePaths('dev', at);
  const one = instancePaths('dev', at, '/data/one');
  const two = instancePaths('dev', at, '/data/two');
  assert.equal(one.stateDir, '/data/one/dev');
  assert.equal(new Set([usual.runDir, one.runDir, two.runDir]).size, 3);
  assert.equal(instancePaths('dev', at, '/home/ann/.local/state/sluice').runDir, usual.runDir);
});

test('names', () => {
  for (const name of ['a', 'dev', 'a-1', '0', 'x'.repeat(32)]) assert.equal(instancePaths(name, at).name, name);
  for (const name of ['', 'Dev', '-a', 'a-', 'a/b', '..', 'a_b', 'x'.repeat(33)])
    assert.throws(
      () => instancePaths(name, at),
      (e) => e instanceof Fault && e.code === 'NameInvalid',
      name,
    );
});

test('a run directory whose sockets would have too long a path is refused; bytes count, not characters', () => {
  const runtime = (dir: string): unknown => instancePaths('dev', { ...at, env: { XDG_RUNTIME_DIR: dir } });
  const tooLong = (e: unknown): boolean => e instanceof Fault && e.code === 'PathTooLong';
  // "/sluice/dev/proxy/0123456789ab/admin.sock" has 41 bytes.
  runtime(`/${'r'.repeat(65)}`);
  assert.throws(() => runtime(`/${'r'.repeat(66)}`), tooLong);
  assert.throws(() => runtime(`/${'ü'.repeat(35)}`), tooLong);
});

test('sockets move with the run directory', () => {
  const moved = withRunDir(instancePaths('dev', at), '/run/user/1000/sluice/dev');
  assert.equal(moved.apiSocket, '/run/user/1000/sluice/dev/api.sock');
  assert.equal(moved.stateDir, '/home/ann/.local/state/sluice/dev');
});
