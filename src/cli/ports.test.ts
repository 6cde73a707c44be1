import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../base/index.ts';
import { namedPorts } from './ports.ts';

test('ports come by their flags; what is none is refused with the flag that named it', () => {
  assert.deepEqual(namedPorts({ apiPort: '17000', httpPort: '65535', name: 'dev' }), { apiPort: 17000, httpPort: 65535 });
  for (const value of ['', 'http', '0', '65536', '80.5', '-1'])
    assert.throws(
      () => namedPorts({ httpsPort: value }),
      (e) => e instanceof Fault && e.message.includes('--https-port'),
      value,
    );
});
