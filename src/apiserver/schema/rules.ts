import { hasRules, isBroken, rulesOf, type Schema, type StatusCause, type ValidationRule } from '../../api/index.ts';
import {
  CALL_LIMIT,
  CelError,
  CelLimitError,
  Meter,
  nextTurn,
  NONE,
  Optional,
  valueOfSchema,
  type Activation,
  type Program,
  type Value,
} from '../../cel/index.ts';
import { equal, fieldPath, isRecord } from '../json.ts';
import { oldField, oldItems } from './correlate.ts';
import { childOf } from './shape.ts';

/** Most that all rules of one object may cost. */
const OBJECT_LIMIT = 10_000_000;
/** Longest message that an expression may come to, in characters. */
const MESSAGE_LIMIT = 5_120;
const OUT_OF_BUDGET = 'validation failed due to running out of cost budget, no further validation rules will be run';

/** Ends the evaluation: what is left of the budget may not be exceeded. */
class BudgetError extends Error {}

interface Run {
  readonly out: StatusCause[];
  left: number;
}

const BLOCKING: ReadonlySet<string> = new Set([
  'FieldValueDuplicate',
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

/** What is said in place of the rules when an object is so wrong that they could not be sure of its form; nothing when they can be asked. */
export function unaskedRules(causes: readonly StatusCause[], schema: Schema): StatusCause[] {
  if (!hasRules(schema) || !causes.some(({ reason }) => BLOCKING.has(reason ?? ''))) return [];
  const message =
    'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
  return [{ reason: 'FieldValueInvalid', field: '<nil>', message }];
}

/** What the rules refuse, or why they were not asked. Others have turns between them. */
export async function checkRulesUnless(
  causes: readonly StatusCause[],
  schema: Schema,
  value: unknown,
  old: unknown,
): Promise<StatusCause[]> {
  const unasked = unaskedRules(causes, schema);
  return unasked.length > 0 || !hasRules(schema) ? unasked : checkRules(schema, value, old);
}

/** What of an object its schema's rules refuse. `old` is the object as it was: what is as it was stays allowed. */
async function checkRules(schema: Schema, value: unknown, old: unknown): Promise<StatusCause[]> {
  const run: Run = { out: [], left: OBJECT_LIMIT };
  try {
    for (const turn of walk(schema, value, old, '', run, true)) await turn;
  } catch (error) {
    if (!(error instanceof BudgetError)) throw error;
  }
  return run.out;
}

type Turns = Generator<Promise<void>, void>;

/** Yields the turns that are to be waited for. */
function* walk(schema: Schema, value: unknown, old: unknown, path: string, run: Run, resource: boolean): Turns {
  if (value === null || value === undefined || !hasRules(schema)) return;
  if (schema['x-kubernetes-validations']?.length) yield* evaluateAll(schema, value, old, path, run, resource);
  if (Array.isArray(value)) {
    const { items } = schema;
    const before = oldItems(schema, old);
    if (items) for (const [i, item] of value.entries()) yield* walk(items, item, before(item), `${path}[${i}]`, run, false);
  } else if (isRecord(value)) {
    for (const [field, part] of Object.entries(value)) {
      const child = childOf(schema, field);
      if (child) yield* walk(child, part, oldField(schema, old, field), fieldPath(path, field), run, false);
    }
  }
}

function* evaluateAll(schema: Schema, value: unknown, old: unknown, path: string, run: Run, resource: boolean): Turns {
  const self = valueOfSchema(schema, value, resource);
  const oldSelf = old === undefined || old === null ? undefined : valueOfSchema(schema, old, resource);
  let same: boolean | undefined;
  const unchanged = (): boolean => (same ??= old !== undefined && equal(old, value));
  const type = schema.type ?? 'object';
  const refuse = (detail: string): void =>
    void run.out.push(cause('FieldValueInvalid', path, `Invalid value: ${JSON.stringify(type)}: ${detail}`));

  for (const compiled of rulesOf(schema, resource)) {
    const { rule } = compiled;
    if (isBroken(compiled)) {
      refuse(`rule compile error: ${compiled.detail}`);
      continue;
    }
    if (compiled.transition && oldSelf === undefined && !rule.optionalOldSelf) continue;
    const turn = nextTurn();
    if (turn) yield turn;
    const activation: Activation = {
      self,
      oldSelf: rule.optionalOldSelf ? (oldSelf === undefined ? NONE : new Optional(oldSelf)) : oldSelf,
    };
    const result = spend(run, refuse, compiled.program, activation, (error) => {
      const shown = ruleText(rule);
      if (error instanceof CelLimitError) {
        refuse(`'${error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${shown}`);
        throw new BudgetError();
      }
      if (error.message.startsWith('no such overload')) {
        refuse(`'${error.message}': call arguments did not match a supported operator, function or macro signature for rule: ${shown}`);
      } else refuse(`${error.message} evaluating rule: ${shown}`);
    });
    if (result === undefined || result === true) continue;
    if (!compiled.transition && unchanged()) continue;
    const detail = (compiled.message && messageFrom(run, refuse, compiled.message, activation, rule)) ?? defaultMessage(rule);
    run.out.push(refusal(rule, at(path, rule.fieldPath), type === 'object' || type === 'array' ? undefined : value, detail));
  }
}

/** Evaluates within what is left of the object's budget; undefined when it failed, which `failed` was told. */
function spend(
  run: Run,
  refuse: (detail: string) => void,
  program: Program,
  activation: Activation,
  failed: (error: CelError | CelLimitError) => void,
): Value | undefined {
  if (run.left <= 0) {
    refuse(OUT_OF_BUDGET);
    throw new BudgetError();
  }
  const meter = new Meter(CALL_LIMIT);
  try {
    return program.evaluate(activation, meter);
  } catch (error) {
    if (!(error instanceof CelError || error instanceof CelLimitError)) throw error;
    failed(error);
    return undefined;
  } finally {
    run.left -= meter.spent;
  }
}

/** The message that an expression comes to; undefined when it is not usable as one. */
function messageFrom(
  run: Run,
  refuse: (detail: string) => void,
  program: Program,
  activation: Activation,
  rule: ValidationRule,
): string | undefined {
  const value = spend(run, refuse, program, activation, (error) => {
    if (!(error instanceof CelLimitError)) return;
    refuse(
      `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${JSON.stringify(rule.messageExpression)}`,
    );
    throw new BudgetError();
  });
  const text = typeof value === 'string' ? value.trim() : '';
  return text === '' || text.length > MESSAGE_LIMIT || text.includes('\n') ? undefined : text;
}

const ruleText = ({ rule, message }: ValidationRule): string => (message || rule).trim();
const defaultMessage = (rule: ValidationRule): string => (rule.message ? rule.message.trim() : `failed rule: ${rule.rule.trim()}`);

function at(path: string, below: string | undefined): string {
  if (!below) return path;
  return path === '' ? below.replace(/^\./, '') : path + below.replace(/\['(.*?)'\]/g, '[$1]');
}

const cause = (reason: string, field: string, message: string): StatusCause => ({ reason, field: field || '<nil>', message });

function refusal({ reason }: ValidationRule, field: string, value: unknown, detail: string): StatusCause {
  const shown = value === undefined ? '' : `${JSON.stringify(value)}: `;
  switch (reason) {
    case 'FieldValueForbidden':
      return cause(reason, field, `Forbidden: ${detail}`);
    case 'FieldValueRequired':
      return cause(reason, field, `Required value: ${detail}`);
    case 'FieldValueDuplicate':
      return cause(reason, field, `Duplicate value${value === undefined ? '' : `: ${JSON.stringify(value)}`}`);
    default:
      return cause('FieldValueInvalid', field, `Invalid value: ${shown}${detail}`);
  }
}
