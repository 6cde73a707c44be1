import { readFileSync } from 'node:fs';
import {
  Canaries,
  Deployments,
  DestinationRules,
  Gateways,
  keyOf,
  Namespaces,
  ServiceAccounts,
  Services,
  VirtualServices,
  type KubeObject,
  type Resource,
} from '../../src/api/index.ts';
import { parseYaml } from '../../src/base/index.ts';
import type { Client } from '../../src/control/index.ts';

const KINDS = [
  Namespaces,
  ServiceAccounts,
  Services,
  Deployments,
  DestinationRules,
  Gateways,
  VirtualServices,
  Canaries,
] as readonly Resource[];

export async function applyYaml(client: Client, text: string, namespace = 'default'): Promise<void> {
  for (const object of parseYaml(text) as KubeObject[]) {
    const resource = KINDS.find((r) => r.kind === object.kind);
    if (!resource) throw new Error(`${object.kind} is not among the kinds that benchmarks apply`);
    const key = { namespace: resource.namespaced ? (object.metadata?.namespace ?? namespace) : undefined, name: keyOf(object).name };
    await client.patch(
      resource,
      key,
      { type: 'apply', body: { ...object, metadata: { ...object.metadata, ...key } } },
      { fieldManager: 'bench', force: true },
    );
  }
}

export const sampleYaml = (path: string): string => readFileSync(new URL(`../../samples/yaml/${path}`, import.meta.url), 'utf8');

/** Resolves when `done` says so; throws after `limitMs`. */
export async function until(what: string, limitMs: number, done: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await done().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A gateway on port 80 for every host. */
export const gatewayIn = (namespace: string): string => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web, namespace: ${namespace}}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]
`;

/** The sample's Canary, behind that gateway, without its load test, and at its quickest. */
export function podinfoCanary(options: { threshold: number }): string {
  return sampleYaml('podinfo/canary.yaml')
    .replace('interval: 2s', 'interval: 1s')
    .replace('threshold: 2', `threshold: ${options.threshold}`)
    .replaceAll('interval: 10s', 'interval: 5s')
    .replace('service:\n', 'service:\n    gateways: [web]\n    hosts: ["*"]\n')
    .replace(/\n {4}webhooks:[^]*/, '\n');
}
