import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_PORTS, parseRecord, recordText } from './config.ts';

test('what is written is read again', () => {
  const config = { apiPort: 1, httpPort: 2, httpsPort: 3, prometheusPort: 65535 };
  assert.deepEqual(parseRecord(recordText(config, '/run/x')), { config, runDir: '/run/x' });
});

test('a damaged file costs at most the ports it named', () => {
  const table: [string, unknown][] = [
    ['', undefined],
    ['{"apiPort": 16', undefined],
    ['null', undefined],
    ['[1]', undefined],
    ['7', undefined],
    ['{}', { config: DEFAULT_PORTS, runDir: undefined }],
    ['{"apiPort":"/tmp/x","httpPort":0,"httpsPort":1.5,"prometheusPort":70000,"runDir":3}', { config: DEFAULT_PORTS, runDir: undefined }],
    ['{"apiPort":17000}', { config: { ...DEFAULT_PORTS, apiPort: 17000 }, runDir: undefined }],
  ];
  for (const [text, expected] of table) assert.deepEqual(parseRecord(text), expected, text);
});
