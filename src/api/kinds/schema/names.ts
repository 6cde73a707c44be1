import type { Schema } from '../../kind.ts';

/** Where a schema is known under a name, and what was said of it beside the named schema. */
interface Naming {
  readonly name: string;
  readonly base: Schema;
  readonly beside: Schema;
}

const NAMINGS = new WeakMap<Schema, Naming>();

/** Gives a schema the name under which OpenAPI documents refer to it. */
export function named(name: string, schema: Schema): Schema {
  NAMINGS.set(schema, { name, base: schema, beside: {} });
  return schema;
}

/** The schema with more said of it at one place of use; a name it has is kept. */
export function described(schema: Schema, beside: Schema): Schema {
  if (Object.keys(beside).length === 0) return schema;
  const copy = { ...schema, ...beside };
  const naming = NAMINGS.get(schema);
  if (naming) NAMINGS.set(copy, { ...naming, beside: { ...naming.beside, ...beside } });
  return copy;
}

/** How OpenAPI refers to a schema: its name, the schema of that name, and what to put beside the reference. */
export function namingOf(schema: Schema): Naming | undefined {
  return NAMINGS.get(schema);
}

/** The name OpenAPI documents know a schema by: `io.k8s.api.core.v1.PodSpec`. */
export function schemaName(schema: Schema): string | undefined {
  return NAMINGS.get(schema)?.name;
}
