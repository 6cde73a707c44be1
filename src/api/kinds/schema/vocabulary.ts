/** A few words to write schemas in: `obj({ hosts: list(str()), port: int() }, 'A server.')`. */
import type { Schema } from '../../kind.ts';
import { described } from './names.ts';

const say = (description: string | undefined): Schema => (description ? { description } : {});

export const str = (description?: string): Schema => ({ type: 'string', ...say(description) });
export const bool = (description?: string): Schema => ({ type: 'boolean', ...say(description) });
export const int = (description?: string): Schema => ({ type: 'integer', format: 'int64', ...say(description) });
export const num = (description?: string): Schema => ({ type: 'number', ...say(description) });
export const intOrStr = (description?: string): Schema => ({ 'x-kubernetes-int-or-string': true, ...say(description) });
/** Anything at all. */
export const any = (description?: string): Schema => ({ 'x-kubernetes-preserve-unknown-fields': true, ...say(description) });
/** An object whose fields are not ours to know. */
export const open = (description?: string): Schema => ({
  type: 'object',
  'x-kubernetes-preserve-unknown-fields': true,
  ...say(description),
});
export const oneOf = (values: readonly string[], description?: string): Schema => ({
  type: 'string',
  enum: [...values],
  ...say(description),
});
/** A Go or protobuf duration. */
export const duration = (description?: string): Schema => ({ type: 'string', ...say(description) });
export const time = (description?: string): Schema => ({ type: 'string', format: 'date-time', ...say(description) });
export const list = (items: Schema, description?: string): Schema => ({ type: 'array', items, ...say(description) });
export const map = (values: Schema, description?: string): Schema => ({
  type: 'object',
  additionalProperties: values,
  ...say(description),
});

/** An object with these fields and no others; names that end in `!` are required. */
export function obj(fields: Readonly<Record<string, Schema>>, description?: string): Schema {
  const properties: Record<string, Schema> = {};
  const required: string[] = [];
  for (const [key, schema] of Object.entries(fields)) {
    const name = key.replace(/!$/, '');
    properties[name] = schema;
    if (name !== key) required.push(name);
  }
  return { type: 'object', properties, ...(required.length ? { required } : {}), ...say(description) };
}

/** The same schema under another description. */
export const as = (schema: Schema, description: string): Schema => described(schema, { description });
