import type { ConfigMap, Secret, ServiceAccount } from 'kubernetes-types/core/v1.js';
import { canonicalJson } from '../../../base/index.ts';
import { ConfigMaps, Secrets, ServiceAccounts } from '../../resources.ts';
import { type Causes, configKey, follow } from '../check.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { define } from '../define.ts';

/** Bytes that the values of a ConfigMap or a Secret may take together. */
const SIZE_LIMIT = 1024 * 1024;

const count = (...maps: (object | undefined)[]): number => maps.reduce((n, m) => n + Object.keys(m ?? {}).length, 0);

export const configMaps = define<ConfigMap>({
  resource: ConfigMaps,
  shortNames: ['cm'],
  schema: 'k8s.io.api.core.v1.ConfigMap',
  check(causes, o, old) {
    checkData(causes, 'data', o.data);
    checkData(causes, 'binaryData', o.binaryData);
    for (const key of Object.keys(o.binaryData ?? {})) {
      if (o.data && key in o.data) causes.invalid(`data[${key}]`, key, 'duplicate of key present in binaryData');
      checkBase64(causes, `binaryData[${key}]`, o.binaryData![key]);
    }
    checkSize(causes, o.data, o.binaryData);
    checkFrozen(causes, o, old, ['data', 'binaryData']);
  },
  columns: [nameColumn, column('Data', (o) => count(o.data, o.binaryData), 'integer'), ageColumn],
});

/** Keys without which a secret of a type is of no use. */
const NEEDED: ReadonlyMap<string | undefined, readonly string[]> = new Map([
  ['kubernetes.io/tls', ['tls.crt', 'tls.key']],
  ['kubernetes.io/dockercfg', ['.dockercfg']],
  ['kubernetes.io/dockerconfigjson', ['.dockerconfigjson']],
  ['kubernetes.io/ssh-auth', ['ssh-privatekey']],
]);

/** Secrets that are filled with the token of the account that an annotation names. */
const TOKEN = 'kubernetes.io/service-account-token';
const ACCOUNT = 'kubernetes.io/service-account.name';

export const secrets = define<Secret>({
  resource: Secrets,
  schema: 'k8s.io.api.core.v1.Secret',
  default(o) {
    o.type ||= 'Opaque';
    for (const [key, text] of Object.entries(o.stringData ?? {})) (o.data ??= {})[key] = Buffer.from(text, 'utf8').toString('base64');
    delete o.stringData;
  },
  check(causes, o, old) {
    checkData(causes, 'data', o.data);
    for (const [key, value] of Object.entries(o.data ?? {})) checkBase64(causes, `data[${key}]`, value);
    for (const key of NEEDED.get(o.type) ?? []) if (o.data?.[key] === undefined) causes.required(`data[${key}]`);
    checkRegistryLogin(causes, o);
    if (o.type === 'kubernetes.io/basic-auth' && !['username', 'password'].some((key) => o.data?.[key] !== undefined)) {
      for (const key of ['username', 'password']) causes.required(`data[${key}]`);
    }
    if (o.type === TOKEN && !o.metadata?.annotations?.[ACCOUNT]) causes.required(`metadata.annotations[${ACCOUNT}]`);
    checkSize(causes, o.data);
    if (old) causes.immutable('type', o.type, old.type);
    checkFrozen(causes, o, old, ['data']);
  },
  columns: [nameColumn, column('Type', (o) => o.type ?? ''), column('Data', (o) => count(o.data), 'integer'), ageColumn],
  selectableFields: ['type'],
});

export const serviceAccounts = define<ServiceAccount>({
  resource: ServiceAccounts,
  shortNames: ['sa'],
  schema: 'k8s.io.api.core.v1.ServiceAccount',
  subresources: [{ name: 'token', group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest', verbs: ['create'] }],
  columns: [nameColumn, column('Secrets', (o) => o.secrets?.length ?? 0, 'integer'), ageColumn],
});

/** Logins of registries are JSON. What is wrong with one is said without the secret itself. */
function checkRegistryLogin(causes: Causes, { type, data }: Secret): void {
  const key = type === 'kubernetes.io/dockerconfigjson' ? '.dockerconfigjson' : type === 'kubernetes.io/dockercfg' ? '.dockercfg' : '';
  const login = data?.[key];
  if (login === undefined) return;
  const text = Buffer.from(login, 'base64').toString('utf8');
  try {
    JSON.parse(text);
  } catch {
    const first = text.trim()[0];
    const why = first ? `invalid character '${first}' looking for beginning of value` : 'unexpected end of JSON input';
    causes.invalid(`data[${key}]`, '<secret contents redacted>', why);
  }
}

function checkData(causes: Causes, field: string, data: object | undefined): void {
  for (const key of Object.keys(data ?? {})) follow(causes, `${field}[${key}]`, key, configKey);
}

function checkBase64(causes: Causes, field: string, value: unknown): void {
  if (typeof value === 'string' && /^[A-Za-z0-9+/=\s]*$/.test(value)) return;
  // The value may be a secret, so it is not shown.
  causes.invalid(field, '', 'must be base64');
}

function checkSize(causes: Causes, ...maps: (Record<string, unknown> | object | undefined)[]): void {
  let size = 0;
  for (const map of maps) for (const value of Object.values(map ?? {})) size += String(value).length;
  if (size > SIZE_LIMIT) causes.tooLong('', SIZE_LIMIT);
}

function checkFrozen<T extends { immutable?: boolean }>(
  causes: Causes,
  o: T,
  old: T | undefined,
  fields: readonly (keyof T & string)[],
): void {
  if (!old?.immutable) return;
  const why = 'field is immutable when `immutable` is set';
  if (!o.immutable) causes.forbidden('immutable', why);
  for (const field of fields) if (canonicalJson(o[field] ?? {}) !== canonicalJson(old[field] ?? {})) causes.forbidden(field, why);
}
