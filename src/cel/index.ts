export type { Activation } from './compile.ts';
export { CALL_LIMIT, compile, type Environment, type Program } from './program.ts';
export { CelCompileError, CelError, CelLimitError } from './error.ts';
export { fromJson, lazily } from './json.ts';
export { Meter } from './meter.ts';
export { escapeName, typeOfSchema, valueOfSchema, type SchemaShape } from './schema.ts';
export {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  NULL,
  optionalOf,
  STRING,
  TIMESTAMP,
  typeText,
  type Type,
} from './types.ts';
export { Optional, NONE, type Value } from './value.ts';
