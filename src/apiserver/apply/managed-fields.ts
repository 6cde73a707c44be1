import { apiVersionOf, type AnyObject, type KindDef, type Served } from '../../api/index.ts';
import { rfc3339 } from '../../base/index.ts';
import { isRecord } from '../json.ts';
import { compare, fieldsOf } from './typed.ts';
import { difference, EMPTY, filterTop, fromFieldsV1, isEmpty, sameSet, toFieldsV1, union, type FieldSet } from './field-set.ts';

/** Who owns which fields: one entry of `metadata.managedFields`. */
export interface Ownership {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  /** RFC 3339; when the fields last changed. */
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

/** Who writes, how, and when. */
export interface Writer {
  readonly manager: string;
  readonly served: Served;
  readonly subresource: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Fields that belong to nobody. */
const UNOWNED_META: ReadonlySet<string> = new Set(
  [
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'generation',
    'managedFields',
    'resourceVersion',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
  ].map((field) => `f:${field}`),
);

/** What of a set can be owned through a subresource: the status through `status`, all else otherwise. */
export function ownable(def: KindDef, subresource: string | undefined, set: FieldSet): FieldSet {
  const top = filterTop(set, (step) => {
    if (step === 'f:apiVersion' || step === 'f:kind') return false;
    if (subresource === 'status') return step === 'f:status';
    return step !== 'f:status' || !def.status;
  });
  const metadata = top.children.get('f:metadata');
  if (!metadata) return { ...top, member: false };
  const children = new Map(top.children);
  const rest = filterTop({ ...metadata, member: false }, (step) => !UNOWNED_META.has(step));
  if (isEmpty(rest)) children.delete('f:metadata');
  else children.set('f:metadata', rest);
  return { member: false, children };
}

/** Reads `managedFields`; entries that cannot be read are left out. */
export function ownershipsOf(managedFields: unknown): Ownership[] {
  if (!Array.isArray(managedFields)) return [];
  return managedFields.flatMap((entry: unknown): Ownership[] => {
    if (!isRecord(entry) || (entry['operation'] !== 'Apply' && entry['operation'] !== 'Update')) return [];
    const text = (field: string): string => (typeof entry[field] === 'string' ? entry[field] : '');
    const fields = fromFieldsV1(entry['fieldsV1']);
    if (isEmpty(fields)) return [];
    return [
      {
        manager: text('manager'),
        operation: entry['operation'],
        apiVersion: text('apiVersion'),
        subresource: text('subresource'),
        time: text('time') || undefined,
        fields,
      },
    ];
  });
}

/** Writes `managedFields`, Apply before Update and then by time, as Kubernetes orders them; undefined when nobody owns anything. */
export function managedFieldsOf(ownerships: readonly Ownership[]): unknown[] | undefined {
  const kept = ownerships.filter(({ fields }) => !isEmpty(fields));
  if (kept.length === 0) return undefined;
  const order = (o: Ownership): string => `${o.operation === 'Apply' ? 0 : 1} ${o.time ?? ''} ${o.manager} ${o.subresource}`;
  return kept
    .sort((a, b) => (order(a) < order(b) ? -1 : 1))
    .map(({ manager, operation, apiVersion, subresource, time, fields }) => ({
      manager,
      operation,
      apiVersion,
      ...(time ? { time } : {}),
      fieldsType: 'FieldsV1',
      fieldsV1: toFieldsV1(fields),
      ...(subresource ? { subresource } : {}),
    }));
}

/** True for what a writer sends to have nobody own anything any more. */
export function isReset(managedFields: unknown): boolean {
  return (
    Array.isArray(managedFields) &&
    (managedFields.length === 0 || (managedFields.length === 1 && isRecord(managedFields[0]) && Object.keys(managedFields[0]).length === 0))
  );
}

/** So many managers of updates are told apart; beyond, the oldest become one. */
const MOST_UPDATERS = 10;
const ANCIENT = 'ancient-changes';

/** The ownerships with the oldest updates put together, version by version, until there are few enough. */
function capped(ownerships: readonly Ownership[]): Ownership[] {
  const updates = ownerships.filter((o) => o.operation === 'Update').sort((a, b) => (ageOf(a) < ageOf(b) ? -1 : 1));
  const kept = new Set(ownerships);
  const oldest = new Map<string, Ownership>();
  for (let i = 0, count = updates.length; i < updates.length && count > MOST_UPDATERS; i++) {
    const update = updates[i]!;
    const { apiVersion, time } = update;
    const before = oldest.get(apiVersion);
    if (!before) oldest.set(apiVersion, update);
    else {
      const fields = union(before.fields, update.fields);
      const merged: Ownership = { manager: ANCIENT, operation: 'Update', apiVersion, subresource: '', time, fields };
      kept.delete(before);
      kept.delete(update);
      kept.add(merged);
      oldest.set(apiVersion, merged);
      count--;
    }
  }
  return [...kept];
}

const ageOf = ({ time, manager }: Ownership): string => `${time ?? ''} ${manager}`;

export function isOf(ownership: Ownership, operation: Ownership['operation'], { manager, served, subresource }: Writer): boolean {
  return (
    ownership.operation === operation &&
    ownership.manager === manager &&
    ownership.subresource === (subresource ?? '') &&
    (operation === 'Apply' || ownership.apiVersion === apiVersionOf(served))
  );
}

/** The ownerships with the writer's own set; its time moves only when the set does. */
export function withOwn(
  ownerships: readonly Ownership[],
  operation: Ownership['operation'],
  writer: Writer,
  fields: FieldSet,
): Ownership[] {
  const own = ownerships.find((o) => isOf(o, operation, writer));
  const others = ownerships.filter((o) => o !== own);
  const apiVersion = apiVersionOf(writer.served);
  if (own && own.apiVersion === apiVersion && sameSet(own.fields, fields)) return [...ownerships];
  return [
    ...others,
    { manager: writer.manager, operation, apiVersion, subresource: writer.subresource ?? '', time: rfc3339(writer.now), fields },
  ];
}

/** `metadata.managedFields` after a create. */
export function ownedByCreate(writer: Writer, object: AnyObject): unknown[] | undefined {
  const { def } = writer.served;
  const fields = ownable(def, undefined, fieldsOf(def.schema, object, true));
  return managedFieldsOf(withOwn([], 'Update', writer, fields));
}

/**
 * `metadata.managedFields` after an update: what changed is the writer's now, and what is gone is nobody's.
 * `sent` are the managedFields that the writer sent along.
 */
export function ownedByUpdate(writer: Writer, current: AnyObject, next: AnyObject, sent: unknown): unknown[] | undefined {
  const { def } = writer.served;
  const given = writer.subresource === undefined ? ownershipsOf(sent) : [];
  const known = given.length > 0 ? given : ownershipsOf(current.metadata?.managedFields);
  const before = writer.subresource === undefined && isReset(sent) ? [] : known;
  const { changed, removed } = compare(def.schema, current, next);
  const mine = ownable(def, writer.subresource, changed);
  const lost = union(mine, removed);
  const after = before.map((o) => (isOf(o, 'Update', writer) ? o : { ...o, fields: difference(o.fields, lost) }));
  const own = before.find((o) => isOf(o, 'Update', writer))?.fields ?? EMPTY;
  return managedFieldsOf(capped(withOwn(after, 'Update', writer, union(difference(own, removed), mine))));
}
