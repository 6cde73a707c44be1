/** Flux's kinds, and those of its ancestor that old guides use. */
import type { CustomResourceColumnDefinition } from 'kubernetes-types/apiextensions/v1.js';
import type { KindDef } from '../../kind.ts';
import { AGE, customResource, defineCustom, shows, type CustomVersion } from '../custom.ts';
import { shapesIn } from '../schema/shapes.edge.ts';

const shapes = shapesIn('io.fluxcd', new URL('./flux.shapes', import.meta.url));
const annotations = { 'kustomize.toolkit.fluxcd.io/substitute': 'disabled' };
const READY = [
  shows('Ready', '.status.conditions[?(@.type=="Ready")].status'),
  shows('Status', '.status.conditions[?(@.type=="Ready")].message'),
];

interface Kind {
  readonly group: 'source' | 'kustomize' | 'helm' | 'notification' | 'image';
  readonly kind: string;
  readonly short?: readonly string[];
  readonly columns: readonly CustomResourceColumnDefinition[];
  /** The stored version; v1 when absent. */
  readonly version?: string;
  readonly older: readonly string[];
  /** Set when older versions have fields that the stored one lost: their shape has `Old` behind its name. */
  readonly lost?: true;
  readonly status?: false;
}

const PARTS = { source: 'sources', kustomize: 'appliers', helm: 'appliers', notification: 'notifications', image: 'images' } as const;

function define({ group, kind, short = [], columns, version = 'v1', older, lost, status }: Kind): KindDef {
  const name = `${group}.toolkit.fluxcd.io`;
  const versions = older.map((v): CustomVersion => ({
    version: v,
    warning: `${name}/${v} ${kind} is deprecated, upgrade to ${version}`,
    ...(lost ? { shape: `${kind}Old` } : {}),
  }));
  return defineCustom({
    shapes,
    resource: customResource(name, version, kind),
    shortNames: short,
    categories: ['all', 'fluxcd', `fluxcd-${PARTS[group]}`],
    columns,
    versions,
    annotations,
    status: status ?? true,
  });
}

const KINDS: readonly Kind[] = [
  {
    group: 'source',
    kind: 'Bucket',
    older: ['v1beta2', 'v1beta1'],
    lost: true,
    columns: [shows('Endpoint', '.spec.endpoint'), AGE, ...READY],
  },
  {
    group: 'source',
    kind: 'ExternalArtifact',
    short: ['ea'],
    older: [],
    columns: [AGE, ...READY, shows('Source', '.spec.sourceRef.name')],
  },
  {
    group: 'source',
    kind: 'GitRepository',
    short: ['gitrepo'],
    older: ['v1beta2', 'v1beta1'],
    lost: true,
    columns: [shows('URL', '.spec.url'), AGE, ...READY],
  },
  {
    group: 'source',
    kind: 'HelmChart',
    short: ['hc'],
    older: ['v1beta2', 'v1beta1'],
    lost: true,
    columns: [
      shows('Chart', '.spec.chart'),
      shows('Version', '.spec.version'),
      shows('Source Kind', '.spec.sourceRef.kind'),
      shows('Source Name', '.spec.sourceRef.name'),
      AGE,
      ...READY,
    ],
  },
  {
    group: 'source',
    kind: 'HelmRepository',
    short: ['helmrepo'],
    older: ['v1beta2', 'v1beta1'],
    columns: [shows('URL', '.spec.url'), AGE, ...READY],
  },
  {
    group: 'source',
    kind: 'OCIRepository',
    short: ['ocirepo'],
    older: ['v1beta2'],
    columns: [shows('URL', '.spec.url'), ...READY, AGE],
  },
  {
    group: 'kustomize',
    kind: 'Kustomization',
    short: ['ks'],
    older: ['v1beta2', 'v1beta1'],
    lost: true,
    columns: [AGE, ...READY],
  },
  {
    group: 'helm',
    kind: 'HelmRelease',
    short: ['hr'],
    version: 'v2',
    older: ['v2beta2', 'v2beta1'],
    lost: true,
    columns: [AGE, ...READY],
  },
  {
    group: 'notification',
    kind: 'Alert',
    version: 'v1beta3',
    older: ['v1beta2', 'v1beta1'],
    lost: true,
    status: false,
    columns: [AGE],
  },
  {
    group: 'notification',
    kind: 'Provider',
    version: 'v1beta3',
    older: ['v1beta2', 'v1beta1'],
    lost: true,
    status: false,
    columns: [AGE],
  },
  { group: 'notification', kind: 'Receiver', older: ['v1beta2', 'v1beta1'], lost: true, columns: [AGE, ...READY] },
  {
    group: 'image',
    kind: 'ImagePolicy',
    short: ['imgpol', 'imagepol'],
    older: ['v1beta2', 'v1beta1'],
    lost: true,
    columns: [shows('Image', '.status.latestRef.name'), shows('Tag', '.status.latestRef.tag'), ...READY, AGE],
  },
  {
    group: 'image',
    kind: 'ImageRepository',
    short: ['imgrepo', 'imagerepo'],
    older: ['v1beta2', 'v1beta1'],
    columns: [
      shows('Image', '.spec.image'),
      shows('Tags', '.status.lastScanResult.tagCount'),
      ...READY,
      shows('Last scan', '.status.lastScanResult.scanTime', { priority: 1 }),
      AGE,
    ],
  },
  {
    group: 'image',
    kind: 'ImageUpdateAutomation',
    short: ['iua', 'imgupd', 'imgauto'],
    older: ['v1beta2', 'v1beta1'],
    columns: [...READY, shows('Last run', '.status.lastAutomationRunTime', { priority: 1 }), AGE],
  },
];

export const fluxKinds: readonly KindDef[] = [
  ...KINDS.map(define),
  defineCustom({
    shapes,
    resource: customResource('helm.fluxcd.io', 'v1', 'HelmRelease'),
    shape: 'HelmOperatorRelease',
    shortNames: ['hrs'],
    categories: ['all'],
    columns: [
      shows('Release', '.status.releaseName'),
      shows('Phase', '.status.phase'),
      shows('ReleaseStatus', '.status.releaseStatus'),
      shows('Message', '.status.conditions[?(@.type=="Released")].message'),
      AGE,
    ],
  }),
];
