/** Reading what people wrote as YAML or JSON, of which nothing is certain. */

export type Fields = Readonly<Record<string, unknown>>;

/** The fields of a map; none of anything else. */
export const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};

/** A text that is not empty, or a number as one. */
export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value ? value : typeof value === 'number' ? String(value) : undefined;

/** Those of a list. */
export const textsOf = (value: unknown): string[] => (Array.isArray(value) ? value.flatMap((v) => textOf(v) ?? []) : []);
