/** Two proxies, one before who asks and one before who answers, as between any two pods: mTLS, and each with its own certificate. */
import type { TestContext } from 'node:test';
import type { KubeObject } from '../../src/api/index.ts';
import { createCa, createRoot, type Ca, type IssuedCertificate } from '../../src/ca/index.ts';
import { envoyOf, type EnvoyOf, type Secrets } from './envoy-of.edge.ts';
import { addressOf, podOf } from './mesh-objects.ts';
import { freePort } from './real-envoy.edge.ts';

export interface TwoSidecars {
  readonly client: EnvoyOf;
  readonly server: EnvoyOf;
  /** The port of the server's proxy for an application. */
  inbound(app: string): number;
  /** What another workload of the same mesh shows. */
  certificate(serviceAccount: string, namespace?: string): Promise<IssuedCertificate>;
}

export interface App {
  /** Of the Service: what is spoken is in its name. */
  readonly portName: string;
  /** Of the Service. */
  readonly number: number;
  /** Of the machine, where the application listens. */
  readonly port: number;
}

/** A Service each, of one pod `server`; the objects are those of the mesh. */
export async function twoSidecars(
  t: TestContext,
  apps: Readonly<Record<string, App>>,
  objects: readonly KubeObject[] = [],
): Promise<TwoSidecars> {
  const ca = await createCa({ root: await createRoot('cluster.local', Date.now()), trustDomain: 'cluster.local', now: Date.now() });
  const ports: Record<string, number> = {};
  for (const name of Object.keys(apps)) ports[name] = await freePort();
  const services = Object.entries(apps).flatMap(([name, app]) => serviceOf(name, app, ports[name]!));
  const all = [podOf('client'), podOf('server', { 'security.istio.io/tlsMode': 'istio' }), ...services, ...objects];
  const run = async (name: string, more: object): Promise<EnvoyOf> =>
    envoyOf(t, { objects: all, pod: `default/${name}`, secrets: await secretsOf(ca, name), ...more });
  const clusters = Object.fromEntries(Object.entries(apps).map(([name, { port }]) => [`inbound|${ports[name]}||`, port]));
  return {
    server: await run('server', { inbound: Object.values(ports), clusters }),
    client: await run('client', {}),
    inbound: (app) => ports[app]!,
    certificate: (serviceAccount, namespace = 'default') => ca.issue({ namespace, serviceAccount }, Date.now()),
  };
}

async function secretsOf(ca: Ca, serviceAccount: string): Promise<Secrets> {
  const own = await ca.issue({ namespace: 'default', serviceAccount }, Date.now());
  return { certificate: own.certChainPem, key: own.keyPem, root: ca.rootCertPem };
}

function serviceOf(name: string, { portName, number }: App, target: number): KubeObject[] {
  const metadata = { name, namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' };
  const targetRef = { kind: 'Pod', namespace: 'default', name: 'server' };
  const objects: object[] = [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { clusterIP: addressOf(name), selector: { app: 'server' }, ports: [{ name: portName, port: number, targetPort: target }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ name: portName, port: target }],
      endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true }, targetRef }],
    },
  ];
  return objects;
}
