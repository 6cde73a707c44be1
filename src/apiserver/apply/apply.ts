import { ApiError, type AnyObject, type StatusCause } from '../../api/index.ts';
import { difference, EMPTY, intersection, isEmpty, pathsOf, union, type FieldSet } from './field-set.ts';
import { isOf, managedFieldsOf, ownable, ownershipsOf, withOwn, type Ownership, type Writer } from './managed-fields.ts';
import { compare, fieldsOf, merge, without } from './typed.ts';

export interface Applied {
  readonly object: AnyObject;
  readonly managedFields: unknown[] | undefined;
}

/**
 * Server-side apply: merges what a manager wants into the live object, takes away what it wanted before and no longer does,
 * and refuses to change what others own, unless forced. `wanted` is the applied object in the stored version; `live` undefined
 * when there is none. Throws Conflict.
 */
export function applyObject(writer: Writer, live: AnyObject | undefined, wanted: AnyObject, force: boolean): Applied {
  const { def } = writer.served;
  const schema = def.schema;
  const set = ownable(def, writer.subresource, fieldsOf(schema, wanted));
  const before = ownershipsOf(live?.metadata?.managedFields);
  const last = before.find((o) => isOf(o, 'Apply', writer))?.fields ?? EMPTY;
  let others = before.filter((o) => !isOf(o, 'Apply', writer));

  const merged = (live ? merge(schema, live, wanted) : wanted) as AnyObject;
  if (live) {
    const { changed } = compare(schema, live, merged);
    others = settle(others, ownable(def, writer.subresource, changed), force);
  }

  // What this manager no longer wants goes, unless somebody else does want it.
  const theirs = others.reduce<FieldSet>((all, o) => union(all, o.fields), EMPTY);
  const kept = union(set, theirs);
  const pruned = without(schema, merged, difference(last, kept), kept) as AnyObject;
  const { removed } = compare(schema, merged, pruned);
  const after = others.map((o) => ({ ...o, fields: difference(o.fields, removed) }));
  const own = before.find((o) => isOf(o, 'Apply', writer));
  return { object: pruned, managedFields: managedFieldsOf(withOwn(own ? [...after, own] : after, 'Apply', writer, set)) };
}

/** The other owners, once the fields in dispute are settled. */
function settle(others: Ownership[], changed: FieldSet, force: boolean): Ownership[] {
  const disputes = others.map((o) => intersection(o.fields, changed));
  if (disputes.every(isEmpty)) return others;
  if (force) return others.map((o, i) => ({ ...o, fields: difference(o.fields, disputes[i]!) }));
  const causes: StatusCause[] = others.flatMap((o, i) =>
    pathsOf(disputes[i]!).map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${ownerText(o)}`, field })),
  );
  const lines = others.flatMap((o, i) => {
    const paths = pathsOf(disputes[i]!);
    if (paths.length === 0) return [];
    return `conflict${paths.length === 1 ? '' : 's'} with ${ownerText(o)}:${paths.length === 1 ? ` ${paths[0]}` : paths.map((p) => `\n- ${p}`).join('')}`;
  });
  throw new ApiError('Conflict', `Apply failed with ${causes.length} conflict${causes.length === 1 ? '' : 's'}: ${lines.join('\n')}`, {
    causes,
  });
}

function ownerText({ manager, operation, apiVersion, subresource, time }: Ownership): string {
  const through = subresource ? ` with subresource ${JSON.stringify(subresource)}` : '';
  return `${JSON.stringify(manager)}${through}${operation === 'Update' ? ` using ${apiVersion}${time ? ` at ${time}` : ''}` : ''}`;
}
