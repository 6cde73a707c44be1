/** What leaves the mesh: who may, by which gateway, and with whose TLS. */
import assert from 'node:assert/strict';
import { createServer as createHttps } from 'node:https';
import { test, type TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import type { KubeObject } from '../../src/api/index.ts';
import { createCa, createRoot } from '../../src/ca/index.ts';
import { selfSigned } from '../support/certificate.ts';
import { ask, echo, envoyOf, objectsOf, serve, type Answered, type EnvoyOf, type Secrets } from './envoy-of.edge.ts';
import { istio, podOf } from './mesh-objects.ts';

const HOST = 'api.outside.example';
const nameIn = ({ status, body }: Answered): string => (status === 200 ? (JSON.parse(body) as { name: string }).name : String(status));
const meshConfig = (mesh: object): KubeObject =>
  Object({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio', namespace: 'istio-system' },
    data: { mesh: JSON.stringify(mesh) },
  });

/** A host outside, by name: its ports lead to ports of the machine. */
const entry = (ports: Readonly<Record<number, readonly [protocol: string, port: number]>>, more: object = {}): KubeObject =>
  istio('ServiceEntry', 'outside', {
    hosts: [HOST],
    resolution: 'STATIC',
    location: 'MESH_EXTERNAL',
    ports: Object.entries(ports).map(([number, [protocol, targetPort]]) => ({
      number: Number(number),
      name: `${protocol.toLowerCase()}-${number}`,
      protocol,
      targetPort,
    })),
    endpoints: [{ address: '127.0.0.1' }],
    ...more,
  });

test(
  'REGISTRY_ONLY: of the mesh by its ConfigMap, of a workload by its Sidecar; what is declared passes',
  { timeout: 60_000 },
  async (t) => {
    const outside = await serve(t, echo('outside'));
    const elsewhere = await serve(t, echo('elsewhere'));
    const declared = entry({ 80: ['HTTP', outside] });
    const sidecar = (mode: string): KubeObject =>
      istio('Sidecar', 'default', { egress: [{ hosts: ['*/*'] }], outboundTrafficPolicy: { mode } });
    const only = meshConfig({ outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } });
    const rows: readonly (readonly [title: string, objects: readonly KubeObject[], undeclared: string])[] = [
      ['nobody says anything', [], 'elsewhere'],
      ['the mesh', [only], '502'],
      ['the mesh, and the workload for itself', [only, sidecar('ALLOW_ANY')], 'elsewhere'],
      ['the workload', [sidecar('REGISTRY_ONLY')], '502'],
    ];
    for (const [title, objects, undeclared] of rows) {
      const clusters = { PassthroughCluster: elsewhere };
      const envoy = await envoyOf(t, { objects: [podOf('client'), declared, ...objects], pod: 'default/client', clusters });
      const answers = [await ask(envoy.port(80), HOST), await ask(envoy.port(80), 'undeclared.example')].map(nameIn);
      assert.deepEqual(answers, ['outside', undeclared], title);
    }
  },
);

test('a Sidecar imports what it names: other hosts are not known', { timeout: 60_000 }, async (t) => {
  const outside = await serve(t, echo('outside'));
  const of = (namespace: string, host: string): KubeObject =>
    istio(
      'ServiceEntry',
      host,
      {
        hosts: [host],
        resolution: 'STATIC',
        ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: outside }],
        endpoints: [{ address: '127.0.0.1' }],
      },
      namespace,
    );
  const entries = [of('default', 'own.example'), of('near', 'a.near.example'), of('near', 'b.near.example'), of('far', 'far.example')];
  const outboundTrafficPolicy = { mode: 'REGISTRY_ONLY' };
  const objects = [
    ...entries,
    istio('Sidecar', 'all', { egress: [{ hosts: ['./*', 'near/a.near.example'] }], outboundTrafficPolicy }),
    istio('Sidecar', 'front', {
      workloadSelector: { labels: { tier: 'front' } },
      egress: [{ hosts: ['*/far.example'] }],
      outboundTrafficPolicy,
    }),
  ];
  const known = async (labels: Record<string, string>): Promise<string[]> => {
    const envoy = await envoyOf(t, { objects: [podOf('client', labels), ...objects], pod: 'default/client' });
    const found = [];
    for (const { metadata } of entries) if ((await ask(envoy.port(80), metadata!.name!)).status === 200) found.push(metadata!.name!);
    return found;
  };
  assert.deepEqual(await known({}), ['own.example', 'a.near.example']);
  assert.deepEqual(await known({ tier: 'front' }), ['far.example']);
});

test('a Sidecar imports hosts on one port: on others they are not known', { timeout: 60_000 }, async (t) => {
  const outside = await serve(t, echo('outside'));
  const ports = { 80: ['HTTP', outside], 81: ['HTTP', outside] } as const;
  const narrow = { port: { number: 81, name: 'http', protocol: 'HTTP' }, hosts: [`*/${HOST}`] };
  const statuses = async (egress: readonly object[]): Promise<number[]> => {
    const sidecar = istio('Sidecar', 'all', { egress, outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } });
    const other = { ...entry({ 80: ['HTTP', outside] }, { hosts: ['other.example'] }), metadata: { name: 'other', namespace: 'default' } };
    const envoy = await envoyOf(t, { objects: [podOf('client'), entry(ports), other, sidecar], pod: 'default/client' });
    const found = [];
    for (const port of [80, 81]) found.push((await ask(envoy.port(port), HOST)).status);
    return found;
  };
  assert.deepEqual(await statuses([narrow, { hosts: ['*/other.example'] }]), [502, 200]);
  assert.deepEqual(await statuses([narrow, { hosts: ['*/*'] }]), [200, 200]);
});

/** The egress gateway's pod and Service, of which the one endpoint is a port of the machine. */
const egress = (port: number): KubeObject[] => [
  ...objectsOf(`
apiVersion: v1
kind: Service
metadata: { name: istio-egressgateway, namespace: istio-system, creationTimestamp: '2026-01-01T00:00:00Z' }
spec:
  clusterIP: 10.96.0.41
  selector: { istio: egressgateway }
  ports: [{ name: http2, port: 80, targetPort: 8080 }, { name: https, port: 443, targetPort: 8443 }]
---
apiVersion: v1
kind: Pod
metadata: { name: egress, namespace: istio-system, labels: { istio: egressgateway, security.istio.io/tlsMode: istio } }
spec: { serviceAccountName: egress, containers: [{ name: istio-proxy, args: [proxy, router] }] }
status: { podIP: 127.0.0.1 }
`),
  Object({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'egress', namespace: 'istio-system', labels: { 'kubernetes.io/service-name': 'istio-egressgateway' } },
    addressType: 'IPv4',
    ports: [
      { name: 'http2', port },
      { name: 'https', port },
    ],
    endpoints: [{ addresses: ['127.0.0.1'], targetRef: { kind: 'Pod', namespace: 'istio-system', name: 'egress' } }],
  }),
];
const EGRESS = 'istio-egressgateway.istio-system.svc.cluster.local';

/** Requests to HOST go to the gateway, and from there to HOST at `port`. */
const byWayOfGateway = (server: object, port: number): KubeObject[] => [
  istio('Gateway', 'egress', { selector: { istio: 'egressgateway' }, servers: [{ hosts: [HOST], ...server }] }),
  istio('VirtualService', 'outside', {
    hosts: [HOST],
    gateways: ['egress', 'mesh'],
    http: [
      {
        match: [{ gateways: ['mesh'], port: 80 }],
        route: [{ destination: { host: EGRESS, subset: 'out', port: { number: 80 } } }],
      },
      {
        match: [{ gateways: ['egress'], port: 80 }],
        route: [{ destination: { host: HOST, port: { number: port } } }],
      },
    ],
  }),
];

async function through(
  t: TestContext,
  objects: readonly KubeObject[],
  more: { gateway?: Secrets; client?: Secrets } = {},
): Promise<{ client: EnvoyOf; gateway: EnvoyOf }> {
  const gateway = await envoyOf(t, {
    objects: [...egress(1), ...objects],
    pod: 'istio-system/egress',
    ...(more.gateway ? { secrets: more.gateway } : {}),
  });
  const all = [podOf('client'), ...egress(gateway.port(8080)), ...objects];
  return { gateway, client: await envoyOf(t, { objects: all, pod: 'default/client', ...(more.client ? { secrets: more.client } : {}) }) };
}

test('egress gateway: requests to a host outside leave by it, over mTLS, and it speaks TLS for them', { timeout: 60_000 }, async (t) => {
  const [outside, carol] = [await selfSigned(HOST), await selfSigned('carol')];
  const seen: string[] = [];
  const server = createHttps(
    { cert: outside.cert, key: outside.key, ca: carol.cert, requestCert: true, rejectUnauthorized: false },
    (req, res) => {
      const socket = req.socket as TLSSocket & { servername?: string };
      seen.push(
        `${socket.servername} ${String(socket.getPeerCertificate().subject?.['CN'] ?? 'nobody')} ${String(req.headers['x-mesh-peer'] ?? 'unknown')}`,
      );
      echo('outside')(req, res);
    },
  );
  const port = await serve(t, server);
  const declared = entry({ 80: ['HTTP', port], 443: ['HTTPS', port] });
  const originate = (tls: object): KubeObject =>
    istio('DestinationRule', 'outside', {
      host: HOST,
      trafficPolicy: { portLevelSettings: [{ port: { number: 443 }, tls: { ...tls, sni: HOST } }] },
    });
  const ca = await createCa({ root: await createRoot('cluster.local', Date.now()), trustDomain: 'cluster.local', now: Date.now() });
  const own = async (namespace: string, serviceAccount: string): Promise<Secrets> => {
    const { certChainPem, keyPem } = await ca.issue({ namespace, serviceAccount }, Date.now());
    return { certificate: certChainPem, key: keyPem, root: ca.rootCertPem };
  };
  const mesh = { gateway: await own('istio-system', 'egress'), client: await own('default', 'client') };
  const user = { certificate: carol.cert, key: carol.key, trusted: outside.cert };
  const overMtls = (settings: object): KubeObject[] => [
    declared,
    ...byWayOfGateway({ port: { number: 80, name: 'https-for-origination', protocol: 'HTTPS' }, tls: { mode: 'ISTIO_MUTUAL' } }, 443),
    istio('DestinationRule', 'egress', {
      host: EGRESS,
      subsets: [
        { name: 'out', trafficPolicy: { portLevelSettings: [{ port: { number: 80 }, tls: { mode: 'ISTIO_MUTUAL', sni: HOST } }] } },
      ],
    }),
    originate(settings),
  ];
  const rows: readonly (readonly [title: string, tls: object, seen: string])[] = [
    ['SIMPLE, roots of a Secret', { mode: 'SIMPLE', credentialName: 'user' }, `${HOST} nobody unknown`],
    ['MUTUAL, a certificate of a Secret', { mode: 'MUTUAL', credentialName: 'user' }, `${HOST} carol unknown`],
  ];
  for (const [title, tls, expected] of rows) {
    seen.length = 0;
    const { client, gateway } = await through(t, overMtls(tls), { ...mesh, gateway: { ...mesh.gateway, users: { user } } });
    assert.equal(nameIn(await ask(client.port(80), HOST)), 'outside', title);
    assert.deepEqual(seen, [expected], title);
    const counted = await gateway.admin(`/stats?filter=listener.*ssl.handshake`);
    assert.match(counted, /ssl\.handshake: 1\n/, `${title}: the client came over mTLS`);
  }

  const strange = { ...user, trusted: carol.cert };
  const wrong = await through(t, overMtls({ mode: 'SIMPLE', credentialName: 'user' }), {
    ...mesh,
    gateway: { ...mesh.gateway, users: { user: strange } },
  });
  assert.equal(nameIn(await ask(wrong.client.port(80), HOST)), '503', 'another CA than the one in the Secret');
});

test('egress gateway in plain text: nobody outside is told who asks', { timeout: 60_000 }, async (t) => {
  const outside = await serve(t, echo('outside'));
  const { client, gateway } = await through(t, [
    entry({ 80: ['HTTP', outside] }),
    ...byWayOfGateway({ port: { number: 80, name: 'http', protocol: 'HTTP' } }, 80),
    istio('DestinationRule', 'egress', { host: EGRESS, trafficPolicy: { tls: { mode: 'DISABLE' } }, subsets: [{ name: 'out' }] }),
  ]);
  const answer = await ask(client.port(80), HOST);
  assert.equal(nameIn(answer), 'outside');
  assert.equal((JSON.parse(answer.body) as { headers: Record<string, string> }).headers['x-mesh-peer'], undefined);
  assert.match(await gateway.admin('/stats?filter=outbound.80..api.outside.example.upstream_rq_200'), /: 1\n/);
});
