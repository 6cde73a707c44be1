/** The objects of the golden cases: a mesh that stays, and what is damaged. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { apiVersionOf, keyText, keyOf, type KubeObject, type Resource } from '../../src/api/index.ts';
import { parseYaml } from '../../src/base/index.ts';
import { snapshotKinds } from '../../src/mesh/index.ts';

const DIR = join(import.meta.dirname, '../../src/envoy/golden');

const groupOf = ({ apiVersion = '' }: KubeObject): string => (apiVersion.includes('/') ? apiVersion.split('/')[0]! : '');
const byKind = new Map(Object.values<Resource>(snapshotKinds).map((r) => [`${r.group}/${r.kind}`, r]));

/** The resource of an object of the mesh, in the version in which it is written. */
export function resourceOf(object: KubeObject): Resource {
  const known = byKind.get(`${groupOf(object)}/${object.kind}`)!;
  return { ...known, version: object.apiVersion!.split('/').at(-1)! };
}

export const idOf = (object: KubeObject): string => `${groupOf(object)}/${object.kind} ${keyText(keyOf(object))}`;

function read(dir: string): KubeObject[] {
  return readdirSync(dir)
    .filter((f) => f.endsWith('.yaml') && !f.endsWith('.expected.yaml'))
    .flatMap((f) => parseYaml(readFileSync(join(dir, f), 'utf8'), f) as KubeObject[])
    .filter((o) => o.apiVersion && byKind.has(`${groupOf(o)}/${o.kind}`));
}

/** A server asks for what golden cases leave out. */
function complete(object: KubeObject): KubeObject {
  if (object.kind !== 'Pod') return object;
  const { spec, ...pod } = object as Pod;
  return { ...pod, spec: { ...spec, containers: (spec?.containers ?? []).map((c) => ({ image: 'img', ...c })) } } as KubeObject;
}

/** The mesh that stays as it is. */
export const baseObjects = (): KubeObject[] => read(join(DIR, 'base')).map(complete);

const KEPT: ReadonlySet<string> = new Set(['Pod', 'Namespace', 'Secret', 'EndpointSlice', 'ConfigMap']);

/** What is damaged: objects of users, each of a case of some feature. */
export const corpus = (): KubeObject[] => read(DIR).filter((o) => !KEPT.has(o.kind!));

/** Kinds that hold for all that a workload does, and so may rightly take a bystander's route away. */
const WIDE: ReadonlySet<string> = new Set([
  'AuthorizationPolicy',
  'EnvoyFilter',
  'PeerAuthentication',
  'ProxyConfig',
  'RequestAuthentication',
  'Sidecar',
  'Telemetry',
]);
export const isWide = ({ kind }: KubeObject): boolean => WIDE.has(kind!);

export const BYSTANDER = 'bystander.bystander.svc.cluster.local';

const ofBystander = (resource: Resource, spec: object): KubeObject =>
  ({
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: { name: 'bystander', namespace: 'bystander' },
    spec,
  }) as KubeObject;

/** Somebody whose route nobody touches. */
export const bystanders = (): KubeObject[] => [
  ofBystander(snapshotKinds.services, { clusterIP: '10.96.9.9', ports: [{ name: 'http', port: 9080 }] }),
  ofBystander(snapshotKinds.gateways, {
    selector: { istio: 'ingressgateway' },
    servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: [BYSTANDER] }],
  }),
];

/** The bystander's route: its answer says which turn it is. */
export const routeOfTurn = (turn: number): KubeObject =>
  ofBystander(snapshotKinds.virtualServices, {
    hosts: [BYSTANDER],
    gateways: ['bystander', 'mesh'],
    http: [{ directResponse: { status: 200, body: { string: answerOfTurn(turn) } } }],
  });

export const answerOfTurn = (turn: number): string => `turn ${turn}.`;
