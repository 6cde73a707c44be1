import { apiVersionOf, ApiError, type AnyObject, type Served } from '../api/index.ts';
import { invalid, undecodable } from './errors.ts';
import { copy, isRecord } from './json.ts';
import type { Body, FieldValidation } from './registry.ts';
import { decodeTypes } from './schema/go-types.ts';
import { unaskedRules } from './schema/rules.ts';
import { dropNulls, fillDefaults, prune } from './schema/shape.ts';
import { checkSchema, checkTypes } from './schema/validate.ts';

export interface Decoded {
  /** In the stored version, of the right types, without unknown fields; nobody else holds it. */
  readonly object: AnyObject;
  readonly warnings: string[];
}

/** Reads a body as an object of the kind. Throws BadRequest, or Invalid for what does not fit a custom kind's types. */
export function decode(served: Served, body: Body, validation: FieldValidation = 'Warn'): Decoded {
  const { def } = served;
  if (!isRecord(body.value)) throw undecodable(served, 'the body is not an object');
  const draft = copy(body.value) as AnyObject;
  const wanted = { apiVersion: apiVersionOf(served), kind: def.resource.kind };
  for (const field of ['apiVersion', 'kind'] as const) {
    if (draft[field] !== undefined && draft[field] !== wanted[field]) {
      const what = field === 'kind' ? 'kind' : 'API version';
      throw new ApiError(
        'BadRequest',
        `the ${what} in the data (${typeof draft[field] === 'string' ? draft[field] : JSON.stringify(draft[field])}) does not match the expected ${what} (${wanted[field]})`,
      );
    }
    draft[field] = wanted[field];
  }

  const schema = served.legacy?.schema ?? def.schema;
  dropNulls(schema, draft, def.custom);
  if (def.custom) {
    // Of the wrong types it can go no further, so what else is wrong is said at once.
    if (checkTypes(schema, draft).length > 0) {
      fillDefaults(schema, draft);
      const wrong = checkSchema(schema, draft);
      throw invalid(def, nameIn(draft), [...wrong, ...unaskedRules(wrong, schema)]);
    }
  } else {
    const wrong = decodeTypes(schema, draft);
    if (wrong) throw undecodable(served, wrong);
  }

  dropEmpty((draft.metadata ??= {}));

  const problems = [
    ...(body.duplicates ?? []).map((path) => `duplicate field ${JSON.stringify(path)}`),
    ...prune(schema, draft).map((path) => `unknown field ${JSON.stringify(path)}`),
  ];
  if (validation === 'Strict' && problems.length > 0) {
    throw undecodable(served, `strict decoding error: ${problems.join(', ')}`);
  }
  const warnings = validation === 'Warn' ? problems : [];
  if (!served.legacy) return { object: draft, warnings };
  if (served.legacy.warning) warnings.push(served.legacy.warning);
  const upgraded = served.legacy.upgrade ? served.legacy.upgrade(draft) : draft;
  return { object: { ...upgraded, apiVersion: apiVersionOf(def.resource) }, warnings };
}

/** An empty list or map in metadata is none at all: the server this one stands for does not write it out. */
function dropEmpty(metadata: NonNullable<AnyObject['metadata']>): void {
  for (const field of ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const)
    if (metadata[field] && Object.keys(metadata[field]).length === 0) delete metadata[field];
}

function nameIn(draft: AnyObject): string {
  const name: unknown = isRecord(draft.metadata) ? draft.metadata['name'] : undefined;
  return typeof name === 'string' ? name : '';
}
