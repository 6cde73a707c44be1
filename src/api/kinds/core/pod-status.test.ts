import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerStatus, Pod } from 'kubernetes-types/core/v1.js';
import { podSummary } from './pod-status.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');

const container = (name: string, more: Partial<ContainerStatus>): ContainerStatus => ({
  name,
  image: 'i',
  imageID: '',
  ready: false,
  restartCount: 0,
  ...more,
});
const running = { running: { startedAt: '2026-01-01T00:00:00Z' } };
const waiting = (reason: string): object => ({ waiting: { reason } });
const ended = (exitCode: number, reason?: string): object => ({ terminated: { exitCode, ...(reason ? { reason } : {}) } });

interface Case {
  says: string;
  phase?: string;
  reason?: string;
  deleted?: boolean;
  conditions?: string[];
  init?: ContainerStatus[];
  sidecar?: boolean;
  main?: ContainerStatus[];
  is: [ready: string, status: string, restarts: string];
}

const CASES: Case[] = [
  { says: 'nothing known', phase: 'Pending', is: ['0/1', 'Pending', '0'] },
  {
    says: 'creating',
    phase: 'Pending',
    main: [container('m', { state: waiting('ContainerCreating') })],
    is: ['0/1', 'ContainerCreating', '0'],
  },
  { says: 'running', phase: 'Running', main: [container('m', { ready: true, state: running })], is: ['1/1', 'Running', '0'] },
  { says: 'running, not ready', phase: 'Running', main: [container('m', { state: running })], is: ['0/1', 'Running', '0'] },
  {
    says: 'crashing',
    phase: 'Running',
    main: [
      container('m', {
        restartCount: 3,
        state: waiting('CrashLoopBackOff'),
        lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T00:59:00Z' } },
      }),
    ],
    is: ['0/1', 'CrashLoopBackOff', '3 (60s ago)'],
  },
  { says: 'completed', phase: 'Succeeded', main: [container('m', { state: ended(0, 'Completed') })], is: ['0/1', 'Completed', '0'] },
  { says: 'failed without a reason', phase: 'Failed', main: [container('m', { state: ended(3) })], is: ['0/1', 'ExitCode:3', '0'] },
  { says: 'evicted', phase: 'Failed', reason: 'Evicted', is: ['0/1', 'Evicted', '0'] },
  {
    says: 'terminating',
    phase: 'Running',
    deleted: true,
    main: [container('m', { ready: true, state: running })],
    is: ['1/1', 'Terminating', '0'],
  },
  {
    says: 'completed and deleted',
    phase: 'Succeeded',
    deleted: true,
    main: [container('m', { state: ended(0, 'Completed') })],
    is: ['0/1', 'Completed', '0'],
  },
  { says: 'first init container runs', phase: 'Pending', init: [container('i', { state: running })], is: ['0/1', 'Init:0/1', '0'] },
  { says: 'init container fails', phase: 'Pending', init: [container('i', { state: ended(1, 'Error') })], is: ['0/1', 'Init:Error', '0'] },
  {
    says: 'init container crashes',
    phase: 'Pending',
    init: [container('i', { restartCount: 2, state: waiting('CrashLoopBackOff') })],
    is: ['0/1', 'Init:CrashLoopBackOff', '2'],
  },
  {
    says: 'init containers are through',
    phase: 'Running',
    init: [container('i', { restartCount: 4, state: ended(0, 'Completed') })],
    main: [container('m', { ready: true, state: running })],
    is: ['1/1', 'Running', '0'],
  },
  {
    says: 'a sidecar counts',
    phase: 'Running',
    sidecar: true,
    init: [container('i', { ready: true, started: true, restartCount: 1, state: running })],
    main: [container('m', { ready: true, state: running })],
    is: ['2/2', 'Running', '1'],
  },
  {
    says: 'one of two has ended',
    phase: 'Running',
    conditions: ['Ready'],
    main: [container('m', { state: ended(0, 'Completed') }), container('n', { ready: true, state: running })],
    is: ['1/2', 'Running', '0'],
  },
];

for (const c of CASES) {
  test(`pod: ${c.says}: ${c.is.join(' ')}`, () => {
    const pod: Pod = {
      metadata: c.deleted ? { deletionTimestamp: '2026-01-01T00:59:59Z' } : {},
      spec: {
        initContainers: (c.init ?? []).map((i) => ({ name: i.name, ...(c.sidecar ? { restartPolicy: 'Always' } : {}) })),
        containers: (c.main ?? [container('m', {})]).map((m) => ({ name: m.name })),
      },
      status: {
        phase: c.phase,
        reason: c.reason,
        conditions: (c.conditions ?? []).map((type) => ({ type, status: 'True' })),
        initContainerStatuses: c.init,
        containerStatuses: c.main,
      },
    };
    const { ready, status, restarts } = podSummary(pod, NOW);
    assert.deepEqual([ready, status, restarts], c.is);
  });
}
