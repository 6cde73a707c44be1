/** The rules in a custom kind's schema (`x-kubernetes-validations`), compiled against the schema that they stand in. */
import { BOOL, CelCompileError, compile, optionalOf, STRING, typeOfSchema, type Program, type Type } from '../cel/index.ts';
import type { Schema, ValidationRule } from './kind.ts';

export interface CompiledRule {
  readonly rule: ValidationRule;
  readonly program: Program;
  /** What `messageExpression` says; absent where there is none. */
  readonly message?: Program;
  /** True when it speaks of the object as it was. */
  readonly transition: boolean;
}

/** A rule that cannot be compiled, and the part of it that cannot. */
export interface BrokenRule {
  readonly rule: ValidationRule;
  readonly part: 'rule' | 'messageExpression';
  readonly detail: string;
}

export const isBroken = (rule: CompiledRule | BrokenRule): rule is BrokenRule => 'detail' in rule;

const known = new WeakMap<Schema, readonly (CompiledRule | BrokenRule)[]>();

/** The rules of a schema, compiled once; `resource` where it is that of a whole object. */
export function rulesOf(schema: Schema, resource = false): readonly (CompiledRule | BrokenRule)[] {
  let found = known.get(schema);
  if (!found) known.set(schema, (found = (schema['x-kubernetes-validations'] ?? []).map((rule) => compileRule(rule, schema, resource))));
  return found;
}

function compileRule(rule: ValidationRule, schema: Schema, resource: boolean): CompiledRule | BrokenRule {
  const self = typeOfSchema(schema, resource);
  if (!self) return { rule, part: 'rule', detail: 'the schema says nothing of the value, so that no rule can speak of it' };
  const variables = { self, oldSelf: rule.optionalOldSelf ? optionalOf(self) : self };
  const program = tryCompile(rule.rule, variables, BOOL, 'cel expression must evaluate to a bool');
  if (typeof program === 'string') return { rule, part: 'rule', detail: program };
  const transition = program.uses.has('oldSelf');
  if (!rule.messageExpression) return { rule, program, transition };
  const message = tryCompile(rule.messageExpression, variables, STRING, 'messageExpression must evaluate to a string');
  if (typeof message === 'string') return { rule, part: 'messageExpression', detail: `messageExpression ${message}` };
  return { rule, program, message, transition };
}

function tryCompile(source: string, variables: Record<string, Type>, result: Type, otherwise: string): Program | string {
  try {
    const program = compile(source, { variables });
    const { type } = program;
    const fits = type.kind === 'dyn' || (type.kind === 'simple' && result.kind === 'simple' && type.name === result.name);
    return fits ? program : otherwise;
  } catch (error) {
    if (error instanceof CelCompileError) return `compilation failed: ${error.message}`;
    throw error;
  }
}

const withRules = new WeakMap<Schema, boolean>();

/** True when the schema, or a schema within it, has rules. */
export function hasRules(schema: Schema): boolean {
  let found = withRules.get(schema);
  if (found === undefined) {
    const { properties, items, additionalProperties } = schema;
    found =
      (schema['x-kubernetes-validations']?.length ?? 0) > 0 ||
      Object.values(properties ?? {}).some(hasRules) ||
      (items !== undefined && hasRules(items)) ||
      (typeof additionalProperties === 'object' && hasRules(additionalProperties));
    withRules.set(schema, found);
  }
  return found;
}
