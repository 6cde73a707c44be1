import assert from 'node:assert/strict';
import { test } from 'node:test';
import { edgeBootstrap, edgeClusters, edgeListeners, portSocket } from './host-ports.ts';

const ports = [{ hostPort: 8080, address: '10.96.1.1', port: 80 }];

/** Addresses in a configuration, in order. */
function addresses(config: unknown): string[] {
  const out: string[] = [];
  JSON.stringify(config, (key, value: { path?: string; address?: string; port_value?: number }) => {
    if (key === 'pipe') out.push(value.path!);
    if (key === 'socket_address') out.push(`${value.address}:${value.port_value}`);
    return value;
  });
  return out;
}

test('a connection goes from the host port through the socket to the address in the node', () => {
  const socket = portSocket('/run/s', 8080);
  assert.equal(socket, '/run/s/edge/8080.sock');
  assert.deepEqual(addresses(edgeListeners('/run/s', 'outside', ports)), ['127.0.0.1:8080']);
  assert.deepEqual(addresses(edgeClusters('/run/s', 'outside', ports)), [socket]);
  assert.deepEqual(addresses(edgeListeners('/run/s', 'inside', ports)), [socket]);
  assert.deepEqual(addresses(edgeClusters('/run/s', 'inside', ports)), ['10.96.1.1:80']);
});

test('each side has an admin socket and files of its own', () => {
  assert.deepEqual(addresses(edgeBootstrap('/run/s', 'inside')), ['/run/s/edge/inside-admin.sock']);
  assert.notDeepEqual(edgeBootstrap('/run/s', 'inside'), edgeBootstrap('/run/s', 'outside'));
});

test('no ports are a valid configuration', () => {
  assert.deepEqual(edgeListeners('/run/s', 'outside', []), { resources: [] });
});
