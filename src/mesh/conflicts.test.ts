import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from 'kubernetes-types/core/v1.js';
import type { ServiceEntry } from '../api/index.ts';
import { conflictsOf } from './conflicts.ts';

const service = (name: string, port: object, selector?: Record<string, string>): Service =>
  ({ metadata: { name, namespace: 'default' }, spec: { ports: [port], ...(selector ? { selector } : {}) } }) as Service;
const entry = (name: string, spec: object): ServiceEntry => ({
  metadata: { name, namespace: 'default' },
  spec: { hosts: [`${name}.example`], ...spec },
});
const tcp = (number: number): object => ({ number, name: 'tcp', protocol: 'TCP' });

test('ports that are not told apart are counted, each once', () => {
  const web = { app: 'web' };
  const services = [
    service('a', { name: 'http', port: 80, targetPort: 8080 }, web),
    service('b', { name: 'tcp', port: 81, targetPort: 8080 }, web),
    service('c', { name: 'http', port: 82, targetPort: 8080 }, web),
    service('d', { name: 'tcp', port: 80, targetPort: 8080 }),
  ];
  const entries = [
    entry('e', { ports: [tcp(80)] }),
    entry('f', { ports: [tcp(5432)] }),
    entry('g', { ports: [tcp(5432)] }),
    entry('h', { ports: [tcp(5432)], addresses: ['240.0.0.1'] }),
  ];
  assert.deepEqual(conflictsOf(services, entries), { inbound: 1, tcpOverTcp: 1, tcpOverHttp: 1 });
  assert.deepEqual(conflictsOf([], []), { inbound: 0, tcpOverTcp: 0, tcpOverHttp: 0 });
});
