import { ApiError, parseFieldSelector, parseLabelSelector, type AnyObject, type KindDef } from '../api/index.ts';
import type { SelectQuery } from './registry.ts';

export interface Selection {
  readonly matches: (object: AnyObject) => boolean;
  /** True when it takes every object. */
  readonly all: boolean;
  /** The only name it can match, when the fields say so. */
  readonly name: string | undefined;
}

/** Reads the selectors of a query. Throws BadRequest for what cannot be parsed and for fields the kind cannot be selected by. */
export function selectionOf(def: KindDef, query: SelectQuery): Selection {
  const labels = parseLabelSelector(query.labelSelector);
  const fields = parseFieldSelector(query.fieldSelector);
  for (const { field } of fields.requirements) {
    if (field !== 'metadata.name' && field !== 'metadata.namespace' && !def.selectableFields.includes(field)) {
      throw new ApiError('BadRequest', `field label not supported: ${field}`);
    }
  }
  return {
    matches: (object) => labels.matches(object.metadata?.labels) && fields.matches(object),
    all: labels.requirements.length === 0 && fields.requirements.length === 0,
    name: fields.requirements.find(({ field, negated }) => field === 'metadata.name' && !negated)?.value,
  };
}
