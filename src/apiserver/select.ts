import { parseFieldSelector, parseLabelSelector, type AnyObject, type Served } from '../api/index.ts';
import type { SelectQuery } from './registry.ts';

export interface Selection {
  readonly matches: (object: AnyObject) => boolean;
  /** True when it takes every object. */
  readonly all: boolean;
  /** The only name it can match, when the fields say so. */
  readonly name: string | undefined;
}

/** Reads the selectors of a query. Throws BadRequest for what cannot be parsed and for fields the kind cannot be selected by. */
export function selectionOf({ def, legacy }: Served, query: SelectQuery): Selection {
  const labels = parseLabelSelector(query.labelSelector);
  const fields = parseFieldSelector(query.fieldSelector, (field) => {
    if (field === 'metadata.name' || field === 'metadata.namespace') return field;
    if (legacy?.selectableFields) return legacy.selectableFields[field];
    return def.selectableFields.includes(field) ? field : undefined;
  });
  return {
    matches: (object) => labels.matches(object.metadata?.labels) && fields.matches(object),
    all: labels.requirements.length === 0 && fields.requirements.length === 0,
    name: fields.requirements.find(({ field, negated }) => field === 'metadata.name' && !negated)?.value,
  };
}
