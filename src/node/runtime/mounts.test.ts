import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lockedFlags, mountsBelow, parseMountinfo, withoutLinks } from './mounts.ts';

const MOUNTS = parseMountinfo(
  ['1 0 8:1 / / rw,relatime - ext4 d rw', '2 1 0:2 / /tmp rw,nosuid,nodev - tmpfs t rw', '3 2 0:3 / /tmp/a\\040b rw - tmpfs t rw'].join(
    '\n',
  ),
);

test('mounts by path', () => {
  assert.deepEqual(lockedFlags(MOUNTS, '/tmp/x'), ['nosuid', 'nodev']);
  assert.deepEqual(lockedFlags(MOUNTS, '/tmp/a b/c'), []);
  assert.deepEqual(mountsBelow(MOUNTS, '/tmp'), ['/tmp/a b']);
});

test('a path without its links', () => {
  const links = [
    ['/var/run', '/run'],
    ['/bin', '/usr/bin'],
  ] as const;
  const table: [string, string][] = [
    ['/var/run/secrets/x', '/run/secrets/x'],
    ['/var/run', '/run'],
    ['/var/running', '/var/running'],
    ['/bin/tool', '/usr/bin/tool'],
    ['/data', '/data'],
  ];
  for (const [path, expected] of table) assert.equal(withoutLinks(path, links), expected, path);
});
