/** The ConfigMaps and Secrets a target uses: found in its pod template, checksummed, and copied for the primary. Pure. */
import type { ConfigMap, Container, PodSpec, PodTemplateSpec, Secret, Volume } from 'kubernetes-types/core/v1.js';
import { Canaries, type Canary } from '../api/index.ts';
import { canonicalJson, sha256Hex } from '../base/index.ts';
import { controllerReference } from '../control/index.ts';

export type ConfigKind = 'configmap' | 'secret';

export interface ConfigRef {
  readonly kind: ConfigKind;
  readonly name: string;
}

/** A ConfigMap or Secret that is part of what is released. */
export interface TrackedConfig extends ConfigRef {
  /** As in `status.trackedConfigs`: `configmap/<name>`. */
  readonly id: string;
  readonly checksum: string;
  /** The primary's copy says the same. */
  readonly promoted: boolean;
  readonly object: ConfigMap | Secret;
}

export const configId = ({ kind, name }: ConfigRef): string => `${kind}/${name}`;

const containersOf = (spec: PodSpec): Container[] => [...(spec.initContainers ?? []), ...spec.containers];

/** What volumes, `env` and `envFrom` of all containers refer to, each once. */
export function configRefs(template: PodTemplateSpec | undefined): ConfigRef[] {
  const spec = template?.spec;
  if (!spec) return [];
  const refs = new Map<string, ConfigRef>();
  const add = (kind: ConfigKind, name: string | undefined): void => {
    if (name) refs.set(configId({ kind, name }), { kind, name });
  };
  for (const v of spec.volumes ?? []) {
    add('configmap', v.configMap?.name);
    add('secret', v.secret?.secretName);
    for (const source of v.projected?.sources ?? []) {
      add('configmap', source.configMap?.name);
      add('secret', source.secret?.name);
    }
  }
  for (const c of containersOf(spec)) {
    for (const e of c.env ?? []) {
      add('configmap', e.valueFrom?.configMapKeyRef?.name);
      add('secret', e.valueFrom?.secretKeyRef?.name);
    }
    for (const e of c.envFrom ?? []) {
      add('configmap', e.configMapRef?.name);
      add('secret', e.secretRef?.name);
    }
  }
  return [...refs.values()];
}

const OPT_OUT = 'flagger.app/config-tracking';
/** Secrets of other types (tokens, registries' credentials) are somebody's machinery, not configuration. */
const SECRET_TYPES: ReadonlySet<string> = new Set(['Opaque', 'kubernetes.io/basic-auth', 'kubernetes.io/ssh-auth', 'kubernetes.io/tls']);

/** The object as part of the release; undefined when it is opted out, or a Secret of a type that is not tracked. */
export function trackedConfig(ref: ConfigRef, object: ConfigMap | Secret, copy: ConfigMap | Secret | undefined): TrackedConfig | undefined {
  if (object.metadata?.annotations?.[OPT_OUT]?.startsWith('disable')) return undefined;
  if (ref.kind === 'secret' && !SECRET_TYPES.has((object as Secret).type ?? 'Opaque')) return undefined;
  const checksum = checksumOf(object);
  return { ...ref, id: configId(ref), checksum, promoted: copy !== undefined && checksumOf(copy) === checksum, object };
}

/** 16 hex digits over `data`, and over `binaryData` where there is some. */
function checksumOf(object: ConfigMap | Secret): string {
  const binary = (object as ConfigMap).binaryData;
  return sha256Hex(canonicalJson(binary ? [object.data, binary] : (object.data ?? null)), 16);
}

export function checksums(configs: readonly TrackedConfig[]): Record<string, string> {
  return Object.fromEntries(configs.map((c) => [c.id, c.checksum]));
}

/** A copy that belongs to the canary. */
export function copiedConfig(kind: ConfigKind, original: ConfigMap | Secret, name: string, canary: Canary): ConfigMap | Secret {
  const metadata = {
    name,
    namespace: original.metadata?.namespace ?? 'default',
    ownerReferences: [controllerReference(Canaries, canary)],
  };
  const { data } = original;
  const { binaryData } = original as ConfigMap;
  return {
    apiVersion: 'v1',
    kind: kind === 'secret' ? 'Secret' : 'ConfigMap',
    metadata,
    ...(kind === 'secret' ? { type: (original as Secret).type ?? 'Opaque' } : {}),
    ...(data ? { data } : {}),
    ...(binaryData ? { binaryData } : {}),
  };
}

/** The pod spec with other ConfigMaps and Secrets: `names` by what {@link configId} says of those it has. */
export function withConfigs(spec: PodSpec, names: ReadonlyMap<string, string>): PodSpec {
  if (names.size === 0) return spec;
  const named = (kind: ConfigKind, name: string | undefined): string | undefined =>
    name === undefined ? name : (names.get(configId({ kind, name })) ?? name);
  const renamed = <T extends { name?: string }>(kind: ConfigKind, ref: T | undefined): T | undefined =>
    ref && { ...ref, name: named(kind, ref.name) };
  const container = (c: Container): Container => ({
    ...c,
    ...(c.env
      ? {
          env: c.env.map((e) => {
            if (!e.valueFrom?.configMapKeyRef && !e.valueFrom?.secretKeyRef) return e;
            const { configMapKeyRef, secretKeyRef } = e.valueFrom;
            return {
              ...e,
              valueFrom: configMapKeyRef
                ? { ...e.valueFrom, configMapKeyRef: renamed('configmap', configMapKeyRef)! }
                : { ...e.valueFrom, secretKeyRef: renamed('secret', secretKeyRef)! },
            };
          }),
        }
      : {}),
    ...(c.envFrom
      ? {
          envFrom: c.envFrom.map((e) => ({
            ...e,
            ...(e.configMapRef ? { configMapRef: renamed('configmap', e.configMapRef)! } : {}),
            ...(e.secretRef ? { secretRef: renamed('secret', e.secretRef)! } : {}),
          })),
        }
      : {}),
  });
  const volume = (v: Volume): Volume => ({
    ...v,
    ...(v.configMap ? { configMap: renamed('configmap', v.configMap)! } : {}),
    ...(v.secret ? { secret: { ...v.secret, secretName: named('secret', v.secret.secretName)! } } : {}),
    ...(v.projected
      ? {
          projected: {
            ...v.projected,
            sources: (v.projected.sources ?? []).map((s) => ({
              ...s,
              ...(s.configMap ? { configMap: renamed('configmap', s.configMap)! } : {}),
              ...(s.secret ? { secret: renamed('secret', s.secret)! } : {}),
            })),
          },
        }
      : {}),
  });
  return {
    ...spec,
    containers: spec.containers.map(container),
    ...(spec.initContainers ? { initContainers: spec.initContainers.map(container) } : {}),
    ...(spec.volumes ? { volumes: spec.volumes.map(volume) } : {}),
  };
}
