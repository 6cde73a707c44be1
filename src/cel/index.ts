export type { Activation } from './compile.ts';
export { CALL_LIMIT, compile, type Program } from './program.ts';
export { CelCompileError, CelError, CelLimitError } from './error.ts';
export { fromJson, lazily } from './json.ts';
export { Meter } from './meter.ts';
export { escapeName, mostValues, typeOfSchema, valueOfSchema, type SchemaShape } from './schema.ts';
export { nextTurn } from './turns.ts';
export { BOOL, DYN, NULL, optionalOf, STRING, typeText, type Type } from './types.ts';
export { Optional, NONE, type Value } from './value.ts';
