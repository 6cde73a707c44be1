import type { PodSpec, Volume } from 'kubernetes-types/core/v1.js';
import { parseQuantity } from '../../../base/index.ts';
import { type Causes, configKey, dnsLabel, follow } from '../check.ts';
import { checkFieldPath, VOLUME_FIELDS } from './field-paths.ts';

/** Checks the volumes of a pod; returns their names. */
export function checkVolumes(causes: Causes, at: string, spec: PodSpec): ReadonlySet<string> {
  const names = new Set<string>();
  spec.volumes?.forEach((volume, i) => {
    const here = `${at}[${i}]`;
    const { name, ...sources } = volume;
    if (!name) causes.required(`${here}.name`);
    else {
      follow(causes, `${here}.name`, name, dnsLabel);
      if (names.has(name)) causes.duplicate(`${here}.name`, name);
      names.add(name);
    }
    const given = Object.keys(sources);
    if (!given.length) causes.required(here, 'must specify a volume type');
    for (const extra of given.slice(1)) causes.forbidden(`${here}.${extra}`, 'may not specify more than 1 volume type');
    checkSource(causes, here, volume, spec);
  });
  return names;
}

const HOST_PATHS = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];

function checkSource(causes: Causes, at: string, volume: Volume, spec: PodSpec): void {
  const { configMap, secret, hostPath, emptyDir, persistentVolumeClaim: claim, projected, downwardAPI, nfs, csi } = volume;
  if (configMap) {
    if (!configMap.name) causes.required(`${at}.configMap.name`);
    checkMode(causes, `${at}.configMap.defaultMode`, configMap.defaultMode);
    checkItems(causes, `${at}.configMap`, configMap.items);
  }
  if (secret) {
    if (!secret.secretName) causes.required(`${at}.secret.secretName`);
    checkMode(causes, `${at}.secret.defaultMode`, secret.defaultMode);
    checkItems(causes, `${at}.secret`, secret.items);
  }
  if (hostPath) {
    if (!hostPath.path) causes.required(`${at}.hostPath.path`);
    else checkNoParents(causes, `${at}.hostPath.path`, hostPath.path);
    causes.oneOf(`${at}.hostPath.type`, hostPath.type, HOST_PATHS);
  }
  if (emptyDir?.sizeLimit !== undefined && (parseQuantity(emptyDir.sizeLimit) ?? 0) < 0) {
    causes.forbidden(`${at}.emptyDir.sizeLimit`, 'SizeLimit field must be a valid resource quantity');
  }
  if (claim && !claim.claimName) causes.required(`${at}.persistentVolumeClaim.claimName`);
  if (downwardAPI) {
    checkMode(causes, `${at}.downwardAPI.defaultMode`, downwardAPI.defaultMode);
    for (const item of downwardAPI.items ?? []) {
      if (item.fieldRef) checkFieldPath(causes, `${at}.downwardAPI.fieldRef`, item.fieldRef.fieldPath, VOLUME_FIELDS);
      if (!item.path) causes.required(`${at}.downwardAPI.path`);
      else checkLocalPath(causes, `${at}.downwardAPI.path`, item.path);
    }
  }
  if (projected) checkProjected(causes, `${at}.projected`, projected, spec);
  if (nfs) {
    if (!nfs.server) causes.required(`${at}.nfs.server`);
    if (!nfs.path) causes.required(`${at}.nfs.path`);
    if (!nfs.path?.startsWith('/')) causes.invalid(`${at}.nfs.path`, nfs.path ?? '', 'must be an absolute path');
  }
  if (csi && !csi.driver) causes.required(`${at}.csi.driver`);
}

function checkProjected(causes: Causes, at: string, projected: NonNullable<Volume['projected']>, spec: PodSpec): void {
  checkMode(causes, `${at}.defaultMode`, projected.defaultMode);
  projected.sources?.forEach(({ configMap, secret, serviceAccountToken: token, downwardAPI }, i) => {
    const here = `${at}.sources[${i}]`;
    if (configMap && !configMap.name) causes.required(`${here}.configMap.name`);
    if (secret && !secret.name) causes.required(`${here}.secret.name`);
    for (const item of downwardAPI?.items ?? []) {
      if (item.fieldRef) checkFieldPath(causes, `${here}.downwardAPI.fieldRef`, item.fieldRef.fieldPath, VOLUME_FIELDS);
    }
    if (!token) return;
    if (!spec.serviceAccountName)
      causes.forbidden(`${here}.serviceAccountToken`, 'must not be specified when serviceAccountName is not set');
    const seconds = token.expirationSeconds ?? 3600;
    const expiry = `${here}.serviceAccountToken.expirationSeconds`;
    if (seconds < 600) causes.invalid(expiry, seconds, 'may not specify a duration less than 10 minutes');
    if (seconds > 2 ** 32) causes.invalid(expiry, seconds, 'may not specify a duration larger than 2^32 seconds');
    if (!token.path) causes.required(`${at}.path`);
  });
}

function checkMode(causes: Causes, field: string, mode: number | undefined): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) {
    causes.invalid(field, mode, 'must be a number between 0 and 0777 (octal), both inclusive');
  }
}

function checkItems(causes: Causes, at: string, items: readonly { key: string; path: string }[] | undefined): void {
  items?.forEach(({ key, path }, i) => {
    if (!key) causes.required(`${at}.items[${i}].key`);
    else follow(causes, `${at}.items[${i}].key`, key, configKey);
    if (!path) causes.required(`${at}.items[${i}].path`);
    else checkLocalPath(causes, `${at}.items[${i}].path`, path);
  });
}

function checkNoParents(causes: Causes, field: string, path: string): void {
  if (path.split('/').includes('..')) causes.invalid(field, path, "must not contain '..'");
}

/** A path below a volume. */
export function checkLocalPath(causes: Causes, field: string, path: string): void {
  if (path.startsWith('/')) causes.invalid(field, path, 'must be a relative path');
  checkNoParents(causes, field, path);
}
