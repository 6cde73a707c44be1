import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  holdsApplication,
  PROXY_CONFIG,
  sidecarTraffic,
  takesInbound,
  TRAFFIC_PREFIX,
  type SidecarTraffic,
} from './sidecar-annotations.ts';

const nothing: SidecarTraffic = { excludeInboundPorts: [], includeOutboundPorts: [], excludeOutboundPorts: [], excludeOutboundCidrs: [] };

test('annotations say which traffic a sidecar takes', () => {
  const cases: [Record<string, string>, Partial<SidecarTraffic>][] = [
    [{}, {}],
    [{ includeInboundPorts: '*', includeOutboundIPRanges: '*' }, {}],
    [{ includeInboundPorts: '' }, { includeInboundPorts: [] }],
    [{ includeInboundPorts: '80, 8080' }, { includeInboundPorts: [80, 8080] }],
    [{ excludeInboundPorts: '22,9000,x,70000,-1' }, { excludeInboundPorts: [22, 9000] }],
    [
      { includeOutboundPorts: '443', excludeOutboundPorts: '3306' },
      { includeOutboundPorts: [443], excludeOutboundPorts: [3306] },
    ],
    [{ includeOutboundIPRanges: '' }, { includeOutboundCidrs: [] }],
    [
      { includeOutboundIPRanges: '10.0.0.0/8, fe80::/16', excludeOutboundIPRanges: '10.1.2.3' },
      { includeOutboundCidrs: ['10.0.0.0/8'], excludeOutboundCidrs: ['10.1.2.3'] },
    ],
  ];
  for (const [said, expected] of cases) {
    const annotations = Object.fromEntries(Object.entries(said).map(([k, v]) => [TRAFFIC_PREFIX + k, v]));
    assert.deepEqual(sidecarTraffic(annotations), { ...nothing, ...expected }, JSON.stringify(said));
  }
  assert.equal(takesInbound(undefined, 80), true);
  assert.equal(takesInbound({ [`${TRAFFIC_PREFIX}excludeInboundPorts`]: '80' }, 80), false);
  assert.equal(takesInbound({ [`${TRAFFIC_PREFIX}includeInboundPorts`]: '80' }, 81), false);
});

test('the application waits for its proxy unless it is told not to', () => {
  const cases: [string | undefined, boolean][] = [
    [undefined, true],
    ['{"concurrency": 2}', true],
    ['holdApplicationUntilProxyStarts: false', false],
    ['{"holdApplicationUntilProxyStarts": true}', true],
    ['{ what', true],
  ];
  for (const [text, holds] of cases) assert.equal(holdsApplication(text === undefined ? {} : { [PROXY_CONFIG]: text }), holds, text);
});
