/** What events say where something is in the way: each text of Flagger's, and of what it has no words for, in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Canaries, DaemonSets, Deployments, REQUEST, type CanaryAnalysis, type CanarySpec } from '../api/index.ts';
import type { FakeClient } from '../control/testing.ts';
import { canaryObject, daemonSet, deployment, NS, weight, world, type Setting, type World } from './testing/world.ts';

interface Case {
  readonly setting?: Setting;
  play(w: World): Promise<unknown>;
  readonly says: readonly (string | RegExp)[];
}

const gate = [{ name: 'ask', type: 'confirm-traffic-increase', url: 'http://gate/' }] as const;
const DAEMON_SET: Setting = {
  spec: { targetRef: { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'podinfo' }, progressDeadlineSeconds: 30 },
  before: (client) => client.create(DaemonSets, daemonSet('podinfo:1')),
};
const PROMETHEUS: Setting = { spec: { metricsServer: 'http://prometheus.example' } };

async function release(w: World): Promise<void> {
  await w.reach('Initialized');
  await w.setImage('podinfo:2');
}

const CASES: Readonly<Record<string, Case>> = {
  'a gate before more traffic': {
    setting: { analysis: { webhooks: [...gate] } },
    async play(w) {
      w.hook = () => 403;
      await release(w);
      await w.pass(60_000);
      assert.deepEqual([await weight(w), (await w.canary()).status?.failedChecks], [0, 0]);
      w.hook = () => 200;
      await w.reach('Succeeded');
    },
    says: ['Halt podinfo.test advancement waiting for traffic increase approval ask', 'Confirm-traffic-increase check ask passed'],
  },
  'a promotion step by step': {
    setting: { analysis: { stepWeightPromotion: 25 } },
    play: async (w) => (await release(w), w.reach('Succeeded')),
    says: ['Advance podinfo.test primary weight 65', 'Advance podinfo.test primary weight 90', 'Routing all traffic to primary'],
  },
  'a canary of a DaemonSet that does not get ready': {
    setting: DAEMON_SET,
    async play(w) {
      await w.reach('Initialized');
      w.broken.add('podinfo:2');
      await w.setImage('podinfo:2', DaemonSets);
      await w.reach('Failed');
    },
    says: [
      'canary damonset podinfo.test not ready: waiting for rollout to finish: 0 of 1 (readyThreshold 100%) updated pods are available',
      'Rolling back podinfo.test progress deadline exceeded: waiting for rollout to finish: 0 of 1 (readyThreshold 100%) updated pods are available',
    ],
  },
  'a primary that does not get ready at first': {
    setting: { broken: ['podinfo-primary'] },
    play: (w) => w.pass(5_000),
    says: ['podinfo-primary.test not ready: waiting for rollout to finish: 0 of 2 (readyThreshold 100%) updated replicas are available'],
  },
  'a primary that is not ready when a new version comes': {
    async play(w) {
      await w.reach('Initialized');
      w.brokenNames.add('podinfo-primary');
      await w.pass(1_000);
      await w.setImage('podinfo:2');
      await w.pass(20_000);
      assert.equal((await w.canary()).status?.phase, 'Initialized');
      w.brokenNames.clear();
      await w.reach('Succeeded');
    },
    says: ['podinfo-primary.test not ready: waiting for rollout to finish: 0 of 2 (readyThreshold 100%) updated replicas are available'],
  },
  'durations without values': {
    async play(w) {
      w.p99 = undefined;
      await release(w);
      await w.pass(30_000);
    },
    says: [/^Halt advancement no values found for istio metric request-duration probably podinfo\.test is not receiving traffic/],
  },
  'a Prometheus that does not answer': {
    setting: PROMETHEUS,
    async play(w) {
      w.answer = () => ({ status: 503, body: 'down' });
      await release(w);
      await w.pass(30_000);
    },
    says: [
      /^Error checking metric providers: Prometheus query failed for request-success-rate: /,
      /^Prometheus query failed for request-success-rate: /,
    ],
  },
  'a target with labels of its own': {
    setting: {
      before(client) {
        const { spec, ...rest } = deployment('podinfo:1');
        return client.create(Deployments, { ...rest, spec: { ...spec!, selector: { matchLabels: { tier: 'web' } } } });
      },
    },
    play: (w) => w.pass(1_000),
    says: [/^Deployment podinfo\.test selects its pods by none of the labels app, name and app\.kubernetes\.io\/name: add one to /],
  },
  'two Canaries of one target': {
    async play(w) {
      await w.reach('Initialized');
      const other = canaryObject({}, {}, 'other');
      const { targetRef } = canaryObject({}, {}).spec;
      await w.client.create(Canaries, { ...other, spec: { ...other.spec, targetRef } });
      await w.pass(2_000);
    },
    says: ['Deployment podinfo-primary.test belongs to Canary podinfo: two Canaries cannot release one target, delete one of them.'],
  },
  'what cannot be done by hand': {
    async play(w) {
      await w.reach('Initialized');
      const body = { metadata: { annotations: { [REQUEST]: 'abort 1 by alice' } } };
      await w.client.patch(Canaries, { namespace: NS, name: 'podinfo' }, { type: 'merge', body });
      await w.pass(1_000);
    },
    says: ['Refused to abort podinfo.test: no release is under way'],
  },
};

for (const [name, { setting, play, says }] of Object.entries(CASES))
  test(name, async () => {
    const w = await world(setting);
    await play(w);
    const said = await w.events();
    for (const text of says)
      assert.ok(
        said.some((s) => (typeof text === 'string' ? s === text : text.test(s))),
        `${text}\nis not in\n${said.join('\n')}`,
      );
    w.stop();
  });

test('a spec that cannot be followed is said on the Canary, with what to write instead', async () => {
  const ref = (kind: string): CanarySpec['targetRef'] => ({ apiVersion: 'v1', kind, name: 'podinfo' });
  const table: [Partial<CanaryAnalysis>, Partial<CanarySpec>, RegExp][] = [
    [{}, { targetRef: ref('StatefulSet') }, /^spec\.targetRef\.kind StatefulSet is not supported: use one of /],
    [{}, { provider: 'linkerd' }, /^spec\.provider linkerd is not supported yet: use one of /],
    [{}, { provider: 'kubernetes', targetRef: ref('Service') }, /^spec\.provider kubernetes cannot release a Service, /],
    [{}, { provider: 'nginx' }, /^spec\.ingressRef is missing: name the Ingress /],
    [{}, { provider: 'gatewayapi:v1' }, /^GatewayRefs must be specified when using Gateway API as a provider\.$/],
    [
      {},
      { autoscalerRef: { apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', name: 'podinfo' } },
      /^spec\.autoscalerRef\.kind ScaledObject is not /,
    ],
    [
      { stepWeight: undefined, maxWeight: undefined },
      {},
      /^spec\.analysis has neither stepWeight nor stepWeights nor iterations: give one/,
    ],
    [{ metrics: [{ name: 'errors' }] }, {}, /^spec\.analysis\.metrics: errors is neither request-success-rate nor request-duration, /],
  ];
  for (const [analysis, spec, want] of table) {
    const w = await world({ analysis, spec, before: (client: FakeClient) => client.create(Deployments, deployment('podinfo:1')) });
    await w.pass(1_000);
    const said = (await w.events()).find((e) => want.test(e));
    assert.ok(said, (await w.events()).join('\n'));
    assert.ok((await w.canary()).status?.conditions?.[0]?.message?.includes(said));
    w.stop();
  }
});
