/** Objects as tests of one proxy need them: on loopback, and in no more words than what they are about. */
import type { KubeObject } from '../../src/api/index.ts';
import { sha256Hex } from '../../src/base/index.ts';

const CREATED = '2026-01-01T00:00:00Z';

/** A pod with a sidecar; its labels are told apart by rules, and `app` is its name. */
export function podOf(name: string, labels: Readonly<Record<string, string>> = {}, namespace = 'default'): KubeObject {
  return Object({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app: name, ...labels } },
    spec: { serviceAccountName: name, containers: [{ name: 'app' }, { name: 'istio-proxy', args: ['proxy', 'sidecar'] }] },
    status: { podIP: '127.0.0.1' },
  });
}

/** An object of Istio's networking kinds; of two that say the same thing, the one with the lower `age` is older. */
export function istio(kind: string, name: string, spec: object, namespace = 'default', age = 0): KubeObject {
  const creationTimestamp = `2026-01-02T00:00:0${age}Z`;
  return Object({ apiVersion: 'networking.istio.io/v1', kind, metadata: { name, namespace, creationTimestamp }, spec });
}

/** Addresses of Services of different names differ: of two with one address, the younger would be nobody's. */
export function addressOf(name: string): string {
  const digest = sha256Hex(Buffer.from(name), 4);
  return `10.97.${parseInt(digest.slice(0, 2), 16)}.${parseInt(digest.slice(2), 16)}`;
}

interface Behind {
  /** Ports of the machine by the version of the pod there. */
  readonly versions: Readonly<Record<string, number>>;
  /** Of the Service, by name; HTTP on port 80 unless given. */
  readonly ports?: Readonly<Record<string, number>>;
  readonly namespace?: string;
  readonly clusterIP?: string;
}

/** A Service whose pods, one a version, have the label `version`; every port of the Service is the one port of the pod. */
export function versioned(
  name: string,
  { versions, ports = { http: 80 }, namespace = 'default', clusterIP = addressOf(name) }: Behind,
): KubeObject[] {
  const metadata = { name, namespace, creationTimestamp: CREATED };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { clusterIP, ports: Object.entries(ports).map(([port, number]) => ({ name: port, port: number })) },
  };
  const slices = Object.entries(versions).flatMap(([version, port]): object[] => {
    const pod = `${name}-${version}`;
    return [
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: pod, namespace, labels: { app: name, version } },
        spec: { containers: [{ name: 'app' }] },
      },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { ...metadata, name: pod, labels: { 'kubernetes.io/service-name': name } },
        addressType: 'IPv4',
        ports: Object.keys(ports).map((p) => ({ name: p, port })),
        endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true }, targetRef: { kind: 'Pod', namespace, name: pod } }],
      },
    ];
  });
  return [service, ...slices] as KubeObject[];
}

/** Subsets of a rule by the versions of pods. */
export function subsets(...versions: readonly string[]): { name: string; labels: Record<string, string> }[] {
  return versions.map((version) => ({ name: version, labels: { version } }));
}
