import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod, PodSpec } from 'kubernetes-types/core/v1.js';
import { Events, Nodes, Pods } from '../api/index.ts';
import { seededRng } from '../base/index.ts';
import { scheduler } from './scheduler.ts';
import { decideNode, type Host } from './scheduling.ts';
import { readyNode, testWorld } from './testing.ts';

const host = (node: Node, ...pods: Pod[]): Host => ({ node, pods });
/** Why the only node there is does not take a pod; undefined when it does. */
const refusalOf = (pod: Pod, node: Node, ...others: Pod[]): string | undefined => {
  const placement = decideNode(pod, [host(node, ...others)], seededRng(1));
  return 'message' in placement ? /^0\/1 nodes are available: (?:1 )?(.*)\. preemption:/.exec(placement.message)![1] : undefined;
};
const spec = (s: Partial<PodSpec> = {}) => ({ metadata: { namespace: 'a', name: 'p' }, spec: { containers: [], ...s } });

test('a node takes a pod or says why not', () => {
  const node: Node = readyNode('n', { disk: 'ssd', size: '8' });
  const affinity = (key: string, operator: string, values: string[]) => ({
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values }] }] },
      },
    },
  });
  const tainted: Node = { ...node, spec: { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] } };
  const table: [string, Partial<PodSpec>, Node, string | undefined][] = [
    ['plain', {}, node, undefined],
    ['selector', { nodeSelector: { disk: 'ssd' } }, node, undefined],
    ['other selector', { nodeSelector: { disk: 'hdd' } }, node, "node(s) didn't match Pod's node affinity/selector"],
    ['affinity', affinity('disk', 'In', ['ssd', 'nvme']), node, undefined],
    ['other affinity', affinity('disk', 'NotIn', ['ssd']), node, "node(s) didn't match Pod's node affinity/selector"],
    ['greater', affinity('size', 'Gt', ['4']), node, undefined],
    ['not greater', affinity('size', 'Gt', ['8']), node, "node(s) didn't match Pod's node affinity/selector"],
    ['cordoned', {}, { ...node, spec: { unschedulable: true } }, 'node(s) were unschedulable'],
    ['taint', {}, tainted, 'node(s) had untolerated taint {gpu: yes}'],
    ['tolerated', { tolerations: [{ key: 'gpu', operator: 'Equal', value: 'yes' }] }, tainted, undefined],
    ['tolerated by existence', { tolerations: [{ operator: 'Exists' }] }, tainted, undefined],
    ['not ready', {}, { ...node, status: {} }, 'node(s) were not ready'],
  ];
  for (const [name, pod, where, want] of table) assert.equal(refusalOf(spec(pod), where), want, name);
});

test('the node with the fewest pods is chosen', () => {
  const nodes = [host(readyNode('busy'), spec(), spec(), spec()), host(readyNode('idle'), spec())];
  assert.deepEqual(decideNode(spec(), nodes, seededRng(1)), { node: 'idle' });
  assert.deepEqual(decideNode(spec({ nodeSelector: { a: 'b' } }), nodes, seededRng(1)), {
    message:
      "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
  });
});

test('a node takes what it has room for', () => {
  const node: Node = { ...readyNode('n'), status: { ...readyNode('n').status, allocatable: { cpu: '2', memory: '1Gi', pods: '3' } } };
  const asks = (requests: Record<string, string>, more: object = {}): Pod =>
    spec({ containers: [{ name: 'c', resources: { requests }, ...more }] });
  const table: [string, Pod, Pod[], string | undefined][] = [
    ['what is left', asks({ cpu: '1500m' }), [asks({ cpu: '500m' })], undefined],
    ['too little cpu', asks({ cpu: '1501m' }), [asks({ cpu: '500m' })], 'Insufficient cpu'],
    ['both', asks({ cpu: '3', memory: '2Gi' }), [], 'Insufficient cpu, 1 Insufficient memory'],
    ['what nobody has', asks({ 'example.com/gpu': '1' }), [], 'Insufficient example.com/gpu'],
    ['a limit asks, too', spec({ containers: [{ name: 'c', resources: { limits: { cpu: '3' } } }] }), [], 'Insufficient cpu'],
    [
      'the start may need most',
      spec({ containers: [], initContainers: [{ name: 'i', resources: { requests: { cpu: '3' } } }] }),
      [],
      'Insufficient cpu',
    ],
    ['three pods', spec(), [spec(), spec(), spec()], 'Too many pods'],
    [
      'a port',
      asks({}, { ports: [{ containerPort: 80, hostPort: 80 }] }),
      [asks({}, { ports: [{ containerPort: 1, hostPort: 80 }] })],
      "node(s) didn't have free ports for the requested pod ports",
    ],
    [
      'another protocol',
      asks({}, { ports: [{ containerPort: 80, hostPort: 80 }] }),
      [asks({}, { ports: [{ containerPort: 1, hostPort: 80, protocol: 'UDP' }] })],
      undefined,
    ],
  ];
  for (const [name, pod, others, want] of table) assert.equal(refusalOf(pod, node, ...others), want, name);
  const full = decideNode(asks({ cpu: '3' }), [host(node), host({ ...node, spec: { unschedulable: true } })], seededRng(1));
  assert.deepEqual(full, {
    message:
      '0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable. preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.',
  });
});

test('pods keep near each other, apart, or even', () => {
  const zones = [readyNode('a1', { zone: 'a' }), readyNode('a2', { zone: 'a' }), readyNode('b1', { zone: 'b' })];
  const labelled = (app: string, s: Partial<PodSpec> = {}): Pod => ({
    metadata: { namespace: 'a', name: app, labels: { app } },
    spec: { containers: [], ...s },
  });
  const term = (app: string) => ({ topologyKey: 'zone', labelSelector: { matchLabels: { app } } });
  const near = (app: string) => ({ affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(app)] } } });
  const apart = (app: string) => ({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(app)] } } });
  const rather = (app: string) => ({
    affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 10, podAffinityTerm: term(app) }] } },
  });
  const spread = (whenUnsatisfiable: string) => ({ topologySpreadConstraints: [{ maxSkew: 1, whenUnsatisfiable, ...term('web') }] });
  const place = (pod: Pod, ...there: Pod[][]): string => {
    const placement = decideNode(
      pod,
      zones.map((node, i) => host(node, ...(there[i] ?? []))),
      seededRng(1),
    );
    return 'node' in placement ? placement.node : placement.message.replace(/ preemption: .*/, '');
  };
  const [web, db] = [labelled('web'), labelled('db')];
  const table: [string, string, string][] = [
    ['near', place(labelled('x', near('db')), [], [], [db]), 'b1'],
    ['near nobody', place(labelled('x', near('db'))), "0/3 nodes are available: 3 node(s) didn't match pod affinity rules."],
    ['the first of a group', place(labelled('web', near('web')), [db], [db]), 'b1'],
    ['apart', place(labelled('x', apart('db')), [db]), 'b1'],
    [
      'apart from all',
      place(labelled('x', apart('db')), [db], [], [db]),
      "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.",
    ],
    ['those who want to be apart from it', place(web, [labelled('x', apart('web'))]), 'b1'],
    ['rather near', place(labelled('x', rather('db')), [], [], [db, web, web]), 'b1'],
    ['even', place(labelled('web', spread('DoNotSchedule')), [web], [], []), 'b1'],
    ['even, and no other way', place(labelled('web', { ...spread('DoNotSchedule'), nodeSelector: { zone: 'a' } }), [web, web]), 'a2'],
    ['rather even', place(labelled('web', spread('ScheduleAnyway')), [web], [], [db, db, db]), 'b1'],
  ];
  for (const [name, got, want] of table) assert.equal(got, want, name);
  const lonely = decideNode(labelled('web', spread('DoNotSchedule')), [host(readyNode('n'))], seededRng(1));
  assert.match('message' in lonely ? lonely.message : '', /missing required label/);
});

test('a pod waits for a node and is bound when one comes', async () => {
  const w = testWorld();
  w.start(scheduler(w.world));
  await w.api.create(Pods, spec());
  await w.clock.advance(1000);
  const waiting = await w.api.get(Pods, { namespace: 'a', name: 'p' });
  assert.deepEqual(
    waiting?.status?.conditions?.map((c) => [c.type, c.status, c.reason, c.message]),
    [['PodScheduled', 'False', 'Unschedulable', 'no nodes available to schedule pods']],
  );
  w.api.seed(Nodes, readyNode('n1'));
  await w.clock.advance(1000);
  const bound = await w.api.get(Pods, { namespace: 'a', name: 'p' });
  assert.equal(bound?.spec?.nodeName, 'n1');
  assert.deepEqual(
    bound?.status?.conditions?.map((c) => [c.type, c.status]),
    [['PodScheduled', 'True']],
  );
  const { items } = await w.api.list(Events);
  assert.deepEqual(items.map((e) => `${e.reason}: ${e.message}`).sort(), [
    'FailedScheduling: no nodes available to schedule pods',
    'Scheduled: Successfully assigned a/p to n1',
  ]);
  await w.stop();
});
