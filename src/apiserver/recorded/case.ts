/** A table of what the real server answers: what is asked, and what it gets; lines of JSON, one a case. */
import { apiVersionOf, isKept, type AnyObject, type Catalog, type Served, type StatusCause } from '../../api/index.ts';
import type { User } from '../registry.ts';

/** Values by dotted path of names and numbers, laid over the minimal object of a kind; null takes a field away. */
export type Changes = Readonly<Record<string, unknown>>;

/** A line. One with `of` begins the cases of a kind, and is one itself: the least that users write of it. */
interface Line {
  /** `apps/v1 deployments` */
  readonly of?: string;
  readonly least?: AnyObject;
  /** Set for an update: what the object is created with. */
  readonly was?: Changes;
  /** What the object is created, or replaced, with. */
  readonly set?: Changes;
  readonly gets?: Answer;
  /** Why this server answers something else. */
  readonly differs?: string;
}

/** Who asked the real server. */
export const RECORDER: User = { name: 'admin', uid: 'admin', groups: ['system:masters', 'system:authenticated'] };

export interface Case {
  readonly line: Line;
  readonly of: string;
  readonly least: AnyObject;
}

/** The object as it is stored, or why it is not. */
export type Answer =
  | { readonly object: AnyObject }
  | { readonly reason: string; readonly message?: string; readonly causes?: readonly StatusCause[] };

/** The kind and version a case asks for. */
export function servedIn(catalog: Catalog, of: string): Served {
  const [apiVersion = '', plural = ''] = of.split(' ');
  const [version, group = ''] = apiVersion.split('/').reverse();
  const served = catalog.find(group, version!, plural);
  if (!served) throw new Error(`${of} is not served`);
  return served;
}

/** The least object of a case's kind with changes. */
export function objectOf(served: Served, least: AnyObject, ...changes: readonly (Changes | undefined)[]): AnyObject {
  const { resource } = served.def;
  const { metadata, ...rest } = structuredClone(least);
  const object: AnyObject = {
    apiVersion: apiVersionOf(served),
    kind: resource.kind,
    metadata: { ...(isKept(served.def) ? { name: 'a' } : {}), ...(resource.namespaced ? { namespace: 'default' } : {}), ...metadata },
    ...rest,
  };
  for (const set of changes) for (const [path, value] of Object.entries(set ?? {})) put(object, path, value);
  return object;
}

function put(object: AnyObject, path: string, value: unknown): void {
  const steps = path.split('.');
  let at = object as Record<string, unknown>;
  for (const step of steps.slice(0, -1)) at = (at[step] ??= {}) as Record<string, unknown>;
  const last = steps.at(-1)!;
  if (value === null) delete at[last];
  else at[last] = value;
}

/** An object without what is another each time: identity, times, owners of fields, addresses that were allotted. */
export function comparable(object: AnyObject, given: AnyObject): AnyObject {
  const { uid, creationTimestamp: _time, resourceVersion: _rv, managedFields: _owners, ...metadata } = object.metadata ?? {};
  const text = JSON.stringify({ ...object, metadata }, (key, value: unknown) => {
    if (value === null || TIMES.has(key)) return undefined;
    return ALLOTTED.has(key) && !JSON.stringify(given).includes(JSON.stringify(value)) ? `<${key}>` : value;
  });
  return JSON.parse(uid ? text.replaceAll(uid, '<uid>') : text) as AnyObject;
}

const TIMES = new Set(['lastTransitionTime', 'lastPhaseTransitionTime', 'creationTimestamp']);
const ALLOTTED = new Set(['clusterIP', 'clusterIPs', 'nodePort', 'healthCheckNodePort']);

/** A failure as it is compared: the causes in the order of their fields, since maps have none; without the Go structs that follow some. */
export function refusal(status: { reason?: string; message?: string; details?: { causes?: StatusCause[] } }): Answer {
  const causes = status.details?.causes;
  const reason = status.reason ?? '';
  if (reason !== 'Invalid' || !causes) return { reason, message: status.message ?? '' };
  const text = (c: StatusCause): string => JSON.stringify([c.field, c.reason, c.message]);
  const ordered = [...causes].sort((a, b) => (text(a) < text(b) ? -1 : 1));
  return {
    reason,
    causes: ordered.map(({ field, reason: why, message }) => ({
      field: field ?? '',
      reason: why ?? '',
      message: (message ?? '').split('\n')[0]!,
    })),
  };
}

/** The cases of a file. */
export function casesIn(text: string): Case[] {
  let of = '';
  let least: AnyObject = {};
  return text
    .split('\n')
    .filter((row) => row.trim() !== '')
    .map((row) => {
      const line = JSON.parse(row) as Line;
      if (line.of) [of, least] = [line.of, line.least ?? {}];
      return { line, of, least };
    });
}
