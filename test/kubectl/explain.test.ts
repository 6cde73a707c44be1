/** What kubectl explains of Kubernetes' own kinds, word by word as with the real server: `explained.txt` is what that one got. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { kubectlTable } from './table.ts';

const api = kubectlTable({});

const [, ...cases] = readFileSync(new URL('explained.txt', import.meta.url), 'utf8').split(/^\$ kubectl explain /m);
for (const one of cases) {
  const end = one.indexOf('\n');
  const asked = one.slice(0, end);
  test(`explain ${asked}`, async () => {
    const { stdout, stderr } = await api().kubectl.run(['explain', ...asked.split(' ')]);
    assert.equal(stdout + stderr, one.slice(end + 1));
  });
}
