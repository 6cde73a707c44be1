/** Mutual TLS between workloads: who gets in under which PeerAuthentication, and to whom clients speak. */
import assert from 'node:assert/strict';
import { createServer as createHttps } from 'node:https';
import { test, type TestContext } from 'node:test';
import type { KubeObject } from '../../src/api/index.ts';
import { createCa, createRoot, type Ca, type IssuedCertificate } from '../../src/ca/index.ts';
import { bytesOver } from './bytes.edge.ts';
import { ask, echo, envoyOf, objectsOf, serve, serviceAt, type EnvoyOf } from './envoy-of.edge.ts';
import { freePort } from './real-envoy.edge.ts';

const DAY = 86_400_000;
const caOf = async (trustDomain = 'cluster.local', now = Date.now()): Promise<Ca> =>
  createCa({ root: await createRoot(trustDomain, now), trustDomain, now });
const issued = (ca: Ca, serviceAccount: string, now = Date.now()): Promise<IssuedCertificate> =>
  ca.issue({ namespace: 'default', serviceAccount }, now);

const pod = (name: string): KubeObject[] =>
  objectsOf(`
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: default, labels: { app: ${name}, security.istio.io/tlsMode: istio } }
spec: { serviceAccountName: ${name}, containers: [{ name: app }, { name: istio-proxy, args: [proxy, sidecar] }] }
status: { podIP: 127.0.0.1 }
`);

interface Level {
  readonly mode: string;
  readonly namespace?: string;
  /** Of the workload alone. */
  readonly workload?: true;
  readonly ports?: Readonly<Record<number, { mode: string }>>;
}
const policy = ({ mode, namespace = 'default', workload, ports }: Level, i: number): KubeObject =>
  Object({
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name: `p${i}`, namespace, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      mtls: { mode },
      ...(workload ? { selector: { matchLabels: { app: 'app' } } } : {}),
      ...(ports ? { portLevelMtls: ports } : {}),
    },
  });

/** The sidecar of `app`: two declared ports, and one that no Service has. */
async function server(t: TestContext, ca: Ca, ports: readonly [number, number, number], levels: readonly Level[]): Promise<EnvoyOf> {
  const app = await serve(t, echo('app'));
  const own = await issued(ca, 'app');
  const [one, two] = ports;
  const service = Object({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'app', namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      clusterIP: '10.96.1.1',
      selector: { app: 'app' },
      ports: [
        { name: 'http', port: one },
        { name: 'tcp', port: two },
      ],
    },
  }) as KubeObject;
  return envoyOf(t, {
    objects: [...pod('app'), service, ...levels.map(policy)],
    pod: 'default/app',
    inbound: ports,
    clusters: { [`inbound|${one}||`]: app, [`inbound|${two}||`]: app, InboundPassthroughCluster: app },
    secrets: { certificate: own.certChainPem, key: own.keyPem, root: ca.rootCertPem },
  });
}

const REQUEST = 'GET / HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n';
const PLAIN = 'plain';
type Peer = typeof PLAIN | 'no certificate' | IssuedCertificate;

/** Whether the peer is answered by the application. */
async function getsIn(port: number, peer: Peer): Promise<boolean> {
  const identity = typeof peer === 'string' ? {} : { cert: peer.certChainPem, key: peer.keyPem };
  const tls = peer === PLAIN ? {} : { servername: 'app', ALPNProtocols: ['istio-http/1.1', 'istio'], ...identity };
  return (await bytesOver({ port, ...tls }, REQUEST)).includes('"name":"app"');
}

test('STRICT: who has no certificate, a forged one or an expired one gets nowhere', { timeout: 60_000 }, async (t) => {
  const [ca, other, foreign] = [await caOf(), await caOf(), await caOf('elsewhere')];
  const ports = [await freePort(), await freePort(), await freePort()] as const;
  await server(t, ca, ports, [{ mode: 'STRICT', namespace: 'istio-system' }]);
  const peers: Record<string, readonly [peer: Peer, getsIn: boolean]> = {
    'a workload of the mesh': [await issued(ca, 'client'), true],
    'plain text': [PLAIN, false],
    'no certificate': ['no certificate', false],
    'forged: the same name by another CA': [await issued(other, 'client'), false],
    'of another trust domain': [await issued(foreign, 'client'), false],
    'expired yesterday': [await issued(ca, 'client', Date.now() - 2 * DAY), false],
    'not valid before tomorrow': [await issued(ca, 'client', Date.now() + DAY), false],
  };
  for (const [title, [peer, expected]] of Object.entries(peers))
    for (const port of ports) assert.equal(await getsIn(port, peer), expected, `${title}, port ${ports.indexOf(port)}`);
});

test('PeerAuthentication: of the mesh, a namespace, a workload, a port; the narrowest decides', { timeout: 60_000 }, async (t) => {
  const ca = await caOf();
  const client = await issued(ca, 'client');
  const ports = [await freePort(), await freePort(), await freePort()] as const;
  const mesh = 'istio-system';
  /** How the ports take plain text and mTLS: `+` takes, `-` refuses. */
  const rows: readonly (readonly [title: string, levels: readonly Level[], plain: string, mtls: string])[] = [
    ['nobody says anything', [], '+++', '+++'],
    ['the mesh', [{ mode: 'STRICT', namespace: mesh }], '---', '+++'],
    ['a namespace over the mesh', [{ mode: 'STRICT', namespace: mesh }, { mode: 'PERMISSIVE' }], '+++', '+++'],
    ['UNSET is what is above', [{ mode: 'STRICT', namespace: mesh }, { mode: 'UNSET' }], '---', '+++'],
    ['a workload over its namespace', [{ mode: 'STRICT' }, { mode: 'DISABLE', workload: true }], '+++', '---'],
    [
      'ports over the workload',
      [{ mode: 'STRICT', workload: true, ports: { [ports[0]]: { mode: 'DISABLE' }, [ports[1]]: { mode: 'PERMISSIVE' } } }],
      '++-',
      '-++',
    ],
    ['a strict port alone', [{ mode: 'PERMISSIVE', workload: true, ports: { [ports[1]]: { mode: 'STRICT' } } }], '+-+', '+++'],
  ];
  for (const [title, levels, plain, mtls] of rows)
    await t.test(title, async (row) => {
      await server(row, ca, ports, levels);
      const takes = async (peer: Peer): Promise<string> => {
        const answers = [];
        for (const port of ports) answers.push((await getsIn(port, peer)) ? '+' : '-');
        return answers.join('');
      };
      assert.deepEqual([await takes(PLAIN), await takes(client)], [plain, mtls]);
    });
});

test(
  'clients speak to the workloads of the Service alone: not to another CA, another identity, or plain text',
  { timeout: 60_000 },
  async (t) => {
    const [ca, other] = [await caOf(), await caOf()];
    const own = await issued(ca, 'client');
    const behind: Record<string, IssuedCertificate> = {
      app: await issued(ca, 'app'),
      another: await issued(ca, 'another'),
      forged: await issued(other, 'forged'),
      expired: await issued(ca, 'expired', Date.now() - 2 * DAY),
    };
    const objects: KubeObject[] = [...pod('client')];
    const expected = { app: 200, another: 503, forged: 503, expired: 503, plain: 503 };
    for (const name of Object.keys(expected)) {
      const certificate = behind[name];
      const tls = {
        cert: certificate?.certChainPem,
        key: certificate?.keyPem,
        ca: ca.rootCertPem,
        requestCert: true,
        ALPNProtocols: ['http/1.1'],
      };
      const port = await serve(t, certificate ? createHttps(tls, echo(name)) : echo(name));
      const [service, slice] = serviceAt(name, port) as [KubeObject, KubeObject & { endpoints: object[] }];
      const targetRef = { kind: 'Pod', namespace: 'default', name };
      objects.push(service, { ...slice, endpoints: slice.endpoints.map((e) => ({ ...e, targetRef })) } as KubeObject);
      // Its pod runs as somebody else than the certificate says.
      objects.push(
        ...pod(name).map((p) =>
          name === 'another' ? { ...p, spec: { ...(p as { spec: object }).spec, serviceAccountName: 'right' } } : p,
        ),
      );
    }
    const envoy = await envoyOf(t, {
      objects,
      pod: 'default/client',
      secrets: { certificate: own.certChainPem, key: own.keyPem, root: ca.rootCertPem },
    });
    const answers: Record<string, number> = {};
    for (const name of Object.keys(expected)) answers[name] = (await ask(envoy.port(80), name)).status;
    assert.deepEqual(answers, expected);
  },
);
