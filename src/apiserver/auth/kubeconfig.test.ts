import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { parseYaml } from '../../base/index.ts';
import { mergeKubeconfig, removeFromKubeconfig, writeKubeconfig } from './kubeconfig.edge.ts';
import { withContext, withoutContext } from './kubeconfig.ts';

function tempDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-auth-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const ENTRY = { name: 'sluice', server: 'https://127.0.0.1:16443', caCert: 'PEM', token: 't0ken' };

test('a kubeconfig keeps what it holds besides our entry', () => {
  const before = [
    '# mine',
    'apiVersion: v1',
    'kind: Config',
    'clusters:',
    '- name: work',
    '  cluster: {server: "https://work.example"}',
    'contexts: []',
    'current-context: work',
    'preferences: {}',
    'users: null',
    '',
  ].join('\n');
  const once = withContext(before, ENTRY);
  const twice = withContext(once, { ...ENTRY, token: 'other' });
  const [config] = parseYaml(twice) as Record<string, any>[];
  assert.match(once, /^# mine/);
  assert.deepEqual(
    config!['clusters'].map((c: { name: string }) => c.name),
    ['work', 'sluice'],
  );
  assert.deepEqual(config!['users'], [{ name: 'sluice', user: { token: 'other' } }]);
  assert.deepEqual(config!['contexts'], [{ name: 'sluice', context: { cluster: 'sluice', user: 'sluice' } }]);
  assert.equal(config!['current-context'], 'sluice');
  const [without] = parseYaml(withoutContext(twice, 'sluice')) as Record<string, any>[];
  assert.deepEqual(without, {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'work', cluster: { server: 'https://work.example' } }],
    contexts: [],
    'current-context': '',
    preferences: {},
    users: [],
  });
  assert.throws(() => withContext('a: [', ENTRY, 'the file'), /the file is not valid YAML/);
  assert.throws(() => withContext('just text', ENTRY), /not a kubeconfig/);
});

test('the kubeconfig file is replaced whole, is private, and a link to it stays one', (t) => {
  const dir = tempDir(t);
  const file = join(dir, 'new', 'config');
  writeKubeconfig(file, ENTRY);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const link = join(dir, 'link');
  symlinkSync(file, link);
  writeKubeconfig(link, { ...ENTRY, name: 'second' });
  assert.match(readFileSync(file, 'utf8'), /name: second/);
  removeFromKubeconfig(link, 'second');
  removeFromKubeconfig(join(dir, 'nothing'), 'second');
  assert.doesNotMatch(readFileSync(file, 'utf8'), /second/);
  const own = join(dir, 'own');
  writeKubeconfig(own, { ...ENTRY, name: 'third' });
  mergeKubeconfig(file, own);
  assert.match(readFileSync(file, 'utf8'), /current-context: "?third/);
  const broken = join(dir, 'broken');
  writeFileSync(broken, 'a: [');
  assert.throws(() => writeKubeconfig(broken, ENTRY), /not valid YAML/);
  assert.equal(readFileSync(broken, 'utf8'), 'a: [');
});
