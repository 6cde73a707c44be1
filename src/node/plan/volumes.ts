import { parseQuantity } from '../../base/index.ts';
import type { KeyToPath, Pod, ServiceAccountTokenProjection, Volume } from '../objects.ts';
import { fieldValue, resourceValue } from './downward.ts';
import { allContainers, ConfigProblem } from './env.ts';
import type { PlanInputs, VolumeFile, VolumePlan } from './types.ts';

type Files = Record<string, VolumeFile>;

/** What of a ConfigMap or Secret becomes files: all of it, or `items`. */
interface Choice {
  readonly name?: string | undefined;
  readonly items?: readonly KeyToPath[] | undefined;
  readonly optional?: boolean | undefined;
}

/** The file mode of volumes that name none. */
const DEFAULT_MODE = 0o644;

/**
 * The volumes of a pod with the content of their files. Throws {@link ConfigProblem} when something that is not optional is
 * missing, or a kind of volume is not served here.
 */
export function planVolumes(pod: Pod, inputs: PlanInputs): VolumePlan[] {
  return (pod.spec?.volumes ?? []).map((volume) => planVolume(pod, volume, inputs));
}

function planVolume(pod: Pod, volume: Volume, inputs: PlanInputs): VolumePlan {
  const { name } = volume;
  const files = (content: Files): VolumePlan => ({ kind: 'files', name, files: content });
  if (volume.emptyDir) {
    const limit = volume.emptyDir.sizeLimit;
    return {
      kind: 'empty',
      name,
      memory: volume.emptyDir.medium === 'Memory',
      sizeBytes: limit === undefined ? undefined : parseQuantity(String(limit)),
    };
  }
  if (volume.hostPath) return { kind: 'host', name, path: volume.hostPath.path, type: volume.hostPath.type ?? '' };
  if (volume.persistentVolumeClaim) {
    const found = inputs.volumeOf(volume.persistentVolumeClaim.claimName);
    if ('problem' in found) throw new ConfigProblem(`Unable to attach or mount volumes: unmounted volumes=[${name}]: ${found.problem}`);
    return { kind: 'host', name, path: found.path, type: found.own ? 'DirectoryOrCreate' : '' };
  }
  if (volume.configMap) {
    return files(configMapFiles(name, volume.configMap, volume.configMap.defaultMode ?? DEFAULT_MODE, inputs));
  }
  if (volume.secret) {
    const { secretName, defaultMode, ...choice } = volume.secret;
    return files(secretFiles(name, { name: secretName, ...choice }, defaultMode ?? DEFAULT_MODE, inputs));
  }
  if (volume.downwardAPI) return files(downwardFiles(pod, volume.downwardAPI, volume.downwardAPI.defaultMode ?? DEFAULT_MODE, inputs));
  if (volume.projected) return files(projectedFiles(pod, name, volume.projected, inputs));
  const kind = Object.keys(volume).find((k) => k !== 'name') ?? 'no source';
  throw new ConfigProblem(
    `volume "${name}": ${kind} is not served by this node; use emptyDir, persistentVolumeClaim, configMap, secret, downwardAPI or projected`,
  );
}

function projectedFiles(pod: Pod, volume: string, projected: NonNullable<Volume['projected']>, inputs: PlanInputs): Files {
  const mode = projected.defaultMode ?? DEFAULT_MODE;
  const out: Files = {};
  for (const source of projected.sources ?? []) {
    if (source.configMap) Object.assign(out, configMapFiles(volume, source.configMap, mode, inputs));
    if (source.secret) Object.assign(out, secretFiles(volume, source.secret, mode, inputs));
    if (source.serviceAccountToken) Object.assign(out, tokenFile(volume, source.serviceAccountToken, mode, inputs));
    if (source.downwardAPI) Object.assign(out, downwardFiles(pod, source.downwardAPI, mode, inputs));
  }
  return out;
}

function tokenFile(volume: string, source: ServiceAccountTokenProjection, mode: number, inputs: PlanInputs): Files {
  const token = inputs.token(source);
  if (token === undefined) throw new ConfigProblem(`MountVolume.SetUp failed for volume "${volume}" : there is no token for it yet`);
  return { [safePath(volume, source.path)]: { content: Buffer.from(token, 'utf8'), mode } };
}

function configMapFiles(volume: string, choice: Choice, mode: number, inputs: PlanInputs): Files {
  const { name = '' } = choice;
  const object = inputs.configMap(name);
  if (!object && !choice.optional)
    throw new ConfigProblem(`MountVolume.SetUp failed for volume "${volume}" : configmap "${name}" not found`);
  const data = new Map<string, Uint8Array>();
  for (const [key, text] of Object.entries(object?.data ?? {})) data.set(key, Buffer.from(text, 'utf8'));
  for (const [key, base64] of Object.entries(object?.binaryData ?? {})) data.set(key, Buffer.from(base64, 'base64'));
  return select(volume, data, choice, mode);
}

function secretFiles(volume: string, choice: Choice, mode: number, inputs: PlanInputs): Files {
  const { name = '' } = choice;
  const object = inputs.secret(name);
  if (!object && !choice.optional) throw new ConfigProblem(`MountVolume.SetUp failed for volume "${volume}" : secret "${name}" not found`);
  const data = new Map(Object.entries(object?.data ?? {}).map(([key, base64]) => [key, Buffer.from(base64, 'base64')]));
  return select(volume, data, choice, mode);
}

function select(volume: string, data: ReadonlyMap<string, Uint8Array>, { items, optional }: Choice, mode: number): Files {
  if (!items) return Object.fromEntries([...data].map(([key, content]) => [safePath(volume, key), { content, mode }]));
  const out: Files = {};
  for (const item of items) {
    const content = data.get(item.key);
    if (content) out[safePath(volume, item.path)] = { content, mode: item.mode ?? mode };
    else if (!optional)
      throw new ConfigProblem(`MountVolume.SetUp failed for volume "${volume}" : references non-existent config key: ${item.key}`);
  }
  return out;
}

function downwardFiles(pod: Pod, source: { items?: NonNullable<Volume['downwardAPI']>['items'] }, mode: number, inputs: PlanInputs): Files {
  const out: Files = {};
  for (const item of source.items ?? []) {
    const container = allContainers(pod).find((c) => c.name === item.resourceFieldRef?.containerName);
    const value = item.fieldRef
      ? fieldValue(pod, item.fieldRef.fieldPath, inputs)
      : container && resourceValue(container, item.resourceFieldRef!.resource, item.resourceFieldRef!.divisor?.toString(), inputs);
    if (value === undefined) throw new ConfigProblem(`downwardAPI item "${item.path}" names no field of the pod`);
    out[safePath('downwardAPI', item.path)] = { content: Buffer.from(value, 'utf8'), mode: item.mode ?? mode };
  }
  return out;
}

/** Refuses paths that would leave the volume. */
function safePath(volume: string, path: string): string {
  if (path === '' || path.startsWith('/') || path.split('/').some((p) => p === '..' || p === '')) {
    throw new ConfigProblem(`volume "${volume}": the path "${path}" must be relative and without ".."`);
  }
  return path;
}
