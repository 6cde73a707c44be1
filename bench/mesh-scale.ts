/**
 * A whole instance whose mesh grows to 5,000 services, of which one pod uses 20: what the control plane and that pod's Envoy hold, and how
 * long it takes from the write of a rule until the first response that follows it: to a client in the pod, which asks its sidecar more
 * than once a millisecond, and to one outside, whose question goes through the gateway, the pod and its sidecar. `stock` is istiod with
 * its Envoy at the same sizes on a machine of the same size.
 */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text as textOf } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import {
  EndpointSlices,
  keyOf,
  PodMetricsResource,
  Pods,
  Services,
  VirtualServices,
  type KubeObject,
  type VirtualService,
} from '../src/api/index.ts';
import type { Client } from '../src/control/index.ts';
import { quantile, result, round, withInstance } from './support/instance.ts';
import { applyYaml, gatewayIn, until } from './support/objects.ts';

const USED = 20;
const CHANGES = 60;
const STOCK = { 100: { envoyMb: 91, ms: 108 }, 1000: { envoyMb: 304, ms: 150 }, 5000: { envoyMb: 1184, ms: 328 } } as const;

const backends = (from: number): string =>
  Array.from({ length: USED }, (_, i) => `--backend-url=http://svc-${i}/`)
    .slice(from)
    .join(', ');

/** After such an answer the client in the pod asks again in less than a millisecond; at anything else it looks now and then. */
const HOT = 'of-';

/** Asks svc-0, and prints each other answer with the time at which it came, by the clock that all processes of the machine share. */
const POLL = `
const { Agent, get } = require('node:http');
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const cell = new Int32Array(new SharedArrayBuffer(4));
let last;
const ask = () => get({ host: 'svc-0', agent }, (response) => {
  let text = '';
  response.on('data', (part) => (text += part));
  response.on('end', () => {
    if (text !== last) console.log(process.hrtime.bigint() + ' ' + (last = text));
    if (!text.startsWith('${HOT}')) return setTimeout(ask, 50);
    Atomics.wait(cell, 0, 0, 0.3); // A timer takes a millisecond, and turning round and round a whole core.
    setImmediate(ask);
  });
}).on('error', () => setTimeout(ask, 50));
ask();
`;

/** A client of svc-0 alone behind /one, of all the 20 behind /all, and one that asks by itself, in one pod. */
const CLIENT = `
apiVersion: v1
kind: Namespace
metadata: {name: default, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 9898}, {name: http-all, port: 81, targetPort: 9899}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: one, image: "ghcr.io/stefanprodan/podinfo:6.14.0", command: [./podinfo, --port=9898, --backend-url=http://svc-0/]}
        - {name: all, image: "ghcr.io/stefanprodan/podinfo:6.14.0", command: [./podinfo, --port=9899, --port-metrics=9799, ${backends(0)}]}
        - {name: poll, image: "ghcr.io/stefanprodan/podinfo:6.14.0", command: [node, -e, ${JSON.stringify(POLL)}]}
---
${gatewayIn('default')}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ["*"]
  gateways: [web]
  http:
    - match: [{uri: {prefix: /all}}]
      rewrite: {uri: /echo}
      route: [{destination: {host: web, port: {number: 81}}}]
    - match: [{uri: {prefix: /one}}]
      rewrite: {uri: /echo}
      route: [{destination: {host: web, port: {number: 80}}}]
`;

/** A service of which nobody runs a pod here. */
const service = (i: number): [KubeObject, KubeObject] => {
  const metadata = { name: `svc-${i}`, namespace: 'default' };
  const labels = { 'kubernetes.io/service-name': metadata.name };
  return [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] } } as KubeObject,
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      endpoints: [{ addresses: [`10.99.${i >> 8}.${i & 255}`], conditions: { ready: true } }],
    } as KubeObject,
  ];
};

async function grow(client: Client, from: number, to: number): Promise<void> {
  const missing = Array.from({ length: to - from }, (_, i) => from + i);
  const next = missing.values();
  const worker = async (): Promise<void> => {
    for (const i of next) {
      const [one, slice] = service(i);
      await client.create(Services, one);
      await client.create(EndpointSlices, slice as never);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

/** What the rule of a used service answers. */
const rule = (i: number, text: string): VirtualService => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: `svc-${i}`, namespace: 'default' },
  spec: { hosts: [`svc-${i}`], http: [{ directResponse: { status: 200, body: { string: text } } }] },
});

await withInstance('mesh-scale', async ({ client, paths, status }) => {
  await applyYaml(client, CLIENT);
  await grow(client, 0, USED);
  for (let i = 0; i < USED; i++) await client.create(VirtualServices, rule(i, `rule-${i}`));
  const url = (await status()).ingress!.http;
  const ask = async (path: string): Promise<string> => (await fetch(url + path, { method: 'POST', body: 'x' })).text();
  const envoyMb = async (): Promise<number> => {
    const { items } = await client.list(PodMetricsResource, { namespace: 'default' });
    const proxy = items.find((m) => keyOf(m).name.startsWith('web-'))?.containers.find((c) => c.name === 'istio-proxy');
    if (!proxy) throw new Error('the proxy of web is not measured');
    return Number(/^(\d+)Ki$/.exec(proxy.usage.memory)?.[1]) / 1024;
  };
  const change = (text: string): Promise<unknown> =>
    client.patch(VirtualServices, { namespace: 'default', name: 'svc-0' }, { type: 'merge', body: { spec: rule(0, text).spec } });
  /** Until a client outside has the answer, in milliseconds. */
  const throughGateway = async (text: string): Promise<number> => {
    const started = performance.now();
    const written = change(text);
    while (!(await ask('/one')).includes(text));
    const took = performance.now() - started;
    await written;
    return took;
  };
  /** When the client in the pod had each answer, by the clock of all processes, in nanoseconds. */
  const answers = async (): Promise<ReadonlyMap<string, bigint>> => {
    const { items } = await client.list(Pods, { namespace: 'default' });
    const { name } = keyOf(items.find((pod) => keyOf(pod).name.startsWith('web-'))!);
    const path = `/api/v1/namespaces/default/pods/${name}/log?container=poll`;
    const [response] = (await once(get({ socketPath: paths.apiSocket, path }), 'response')) as [IncomingMessage];
    const log = await textOf(response);
    const lines = log.trim().split('\n');
    return new Map(lines.map((line) => [line.slice(line.indexOf(' ') + 1), BigInt(line.slice(0, line.indexOf(' ')))]));
  };
  const answered = (text: string): Promise<void> =>
    until('the client in the pod is answered', 10_000, async () => (await answers()).has(text));
  const inPod = async (texts: readonly string[]): Promise<number[]> => {
    const started: bigint[] = [];
    for (const text of texts) {
      started.push(process.hrtime.bigint());
      await change(text);
      // Its log is read when the answer is there.
      await pause(100);
      await answered(text);
    }
    const at = await answers();
    return texts.map((text, i) => Number(at.get(text)! - started[i]!) / 1e6);
  };
  let have = USED;
  for (const size of [100, 1000, 5000] as const) {
    const growing = performance.now();
    await grow(client, have, size);
    have = size;
    const growMs = performance.now() - growing;
    await until('the client reaches what it uses', 60_000, async () => {
      const text = await ask('/all');
      return Array.from({ length: USED }, (_, i) => i).every((i) => text.includes(`rule-${i}`));
    });
    await pause(7000); // Until what is taken away late is gone.
    const first = `${HOT}${size}-first.`;
    await change(first);
    await answered(first);
    const own = await inPod(Array.from({ length: CHANGES }, (_, i) => `${HOT}${size}-${i}.`));
    const outside: number[] = [];
    for (let i = 0; i < CHANGES; i++) {
      await pause(100);
      outside.push(await throughGateway(`through-${size}-${i}.`));
    }
    await change('rule-0');
    const { components } = await status();
    const quantiles = (times: readonly number[]): Record<string, number> => ({
      p50: round(quantile(times, 0.5)),
      p99: round(quantile(times, 0.99)),
      n: times.length,
    });
    result('mesh-scale', {
      services: size,
      used: USED,
      addedPerSecond: round(((size - USED) * 2000) / growMs, 0),
      writeToFirstResponse: quantiles(own),
      throughGateway: quantiles(outside),
      budget: { p50: 6, p99: 15, envoyMb: 90 },
      envoyMb: round(await envoyMb(), 0),
      controlPlaneMb: components.find((c) => c.name.includes('control'))?.memoryMB,
      components: Object.fromEntries(components.map((c) => [c.name, c.memoryMB ?? 0])),
      stock: STOCK[size],
    });
  }
});
