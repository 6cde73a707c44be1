import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Fault } from '../../base/index.ts';
import { choosePort, portHolder } from './ports.edge.ts';

const options = { explicit: false, flag: '--api-port', what: 'the API', taken: new Set<number>() };

test('a taken port is passed over, unless it was asked for by name: then its holder is named', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    assert.equal(portHolder(port)?.pid, process.pid);
    const next = await choosePort(port, options);
    assert.ok(next > port, `${next} after ${port}`);
    assert.ok((await choosePort(port, { ...options, taken: new Set([next]) })) > next);
    await assert.rejects(choosePort(port, { ...options, explicit: true }), (e) => {
      assert.ok(e instanceof Fault && e.code === 'PortTaken', String(e));
      assert.match(e.message, new RegExp(`port ${port}.*pid ${process.pid}`));
      assert.match(e.hint!, /--api-port/);
      return true;
    });
  } finally {
    server.close();
  }
});

test('the search ends where ports end', async () => {
  const server = createServer().listen(65535, '127.0.0.1');
  await once(server, 'listening');
  try {
    await assert.rejects(choosePort(65535, options), (e) => e instanceof Fault && e.code === 'PortTaken');
  } finally {
    server.close();
  }
});
