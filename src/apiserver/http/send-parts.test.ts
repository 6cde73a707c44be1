import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { ServerResponse } from 'node:http';
import { ConfigMaps, createCatalog } from '../../api/index.ts';
import { systemClock } from '../../base/index.ts';
import { entryOf } from '../entry.ts';
import type { Representation } from './accept.ts';
import { sendParts, type Call } from './call.ts';
import { renderList, type View } from './render.ts';

/** An answer that is read by hand. */
function answer(): { call: Call; res: PassThrough; sizes: number[]; headers: Record<string, unknown> } {
  const headers: Record<string, unknown> = {};
  const sizes: number[] = [];
  const res = new PassThrough({ highWaterMark: 1 << 20 });
  const write = res.write.bind(res);
  Object.assign(res, {
    setHeader: (name: string, value: unknown) => (headers[name] = value),
    hasHeader: (name: string) => name in headers,
    write(chunk: Buffer) {
      Object.assign(res, { headersSent: true });
      sizes.push(chunk.length);
      return write(chunk);
    },
    headersSent: false,
  });
  return { call: { res: res as unknown as ServerResponse, url: new URL('http://x/') } as Call, res, sizes, headers };
}

const def = createCatalog().find('', 'v1', 'configmaps')!;
const view = (representation: Representation): View => ({ served: def, representation, includeObject: 'Metadata', now: () => 0 });
const list = (count: number) => ({
  items: Array.from({ length: count }, (_, i) =>
    entryOf({ apiVersion: 'v1', kind: ConfigMaps.kind, metadata: { name: `c${i}`, namespace: 'a' }, data: { text: 'x'.repeat(1000) } }),
  ),
  resourceVersion: '7',
  continue: 'more',
});

/** Five milliseconds go by between any two looks at it. */
const laborious = (() => {
  let now = 0;
  return { ...systemClock, monotonic: () => (now += 5) };
})();

test('a long list comes in pieces, and others get their turn between them', async () => {
  for (const representation of ['json', 'table', 'metadata-list'] as const) {
    const { call, res, sizes, headers } = answer();
    const received: Buffer[] = [];
    res.on('data', (chunk: Buffer) => received.push(chunk));
    let turns = 0;
    const count = (): void => void (turns++, (again = setImmediate(count)));
    let again = setImmediate(count);
    await sendParts({ clock: laborious }, call, renderList(list(4000), view(representation)), representation);
    clearImmediate(again);
    await new Promise((resolve) => res.once('end', resolve));
    const value = JSON.parse(Buffer.concat(received).toString()) as { items?: unknown[]; rows?: unknown[]; metadata: object };
    assert.equal((value.items ?? value.rows)?.length, 4000, representation);
    assert.deepEqual(value.metadata, { resourceVersion: '7', continue: 'more' });
    assert.ok(Math.max(...sizes) < 300_000 && turns >= sizes.length - 1, `${representation}: ${sizes.length} pieces, ${turns} turns`);
    assert.equal(headers['content-length'], undefined);
  }
});

test('a short one is sent whole, a reader that is slow is waited for, one that has gone is not', async () => {
  const short = answer();
  await sendParts({ clock: systemClock }, short.call, renderList(list(3), view('json')), 'json');
  assert.ok(Number(short.headers['content-length']) > 3000);

  const slow = answer();
  const sending = sendParts({ clock: systemClock }, slow.call, renderList(list(10_000), view('json')), 'json');
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(slow.sizes.length < 10, 'no more than what fits waits in memory');
  slow.res.destroy();
  await sending;
});
