/** Expressions of webhooks and policies, evaluated on a request. */
import { compileAdmission, type AnyObject, type ExpressionUse, type Served } from '../../api/index.ts';
import {
  CALL_LIMIT,
  CelError,
  CelLimitError,
  fromJson,
  lazily,
  Meter,
  nextTurn,
  type Activation,
  type Program,
  type Value,
} from '../../cel/index.ts';
import { messageOf } from '../../base/index.ts';
import type { AdmissionRequest } from './admission.ts';
import { requestOf, shownTo } from './review.ts';

/** Most that the conditions of one webhook or policy may cost, and what else a policy evaluates, in units of CEL. */
const CONDITIONS_BUDGET = 2_500_000;
const VALIDATION_BUDGET = 10_000_000;

/** What several expressions may cost together; each of them no more than `CALL_LIMIT`. */
export class Budget {
  #left: number;

  constructor(units: number = VALIDATION_BUDGET) {
    this.#left = units;
  }

  /** Throws `BudgetError` when there was not so much. */
  spend(units: number): void {
    this.#left -= units;
    if (this.#left < 0) throw new BudgetError();
  }
}

/** An expression that can be evaluated; one that cannot be compiled, from before such was refused, fails when it is. */
export interface Expression {
  readonly text: string;
  evaluate(activation: Activation, budget: Budget): Value;
}

export function expressionOf(text: string, use: ExpressionUse): Expression {
  let program: Program | undefined;
  let mistake: unknown;
  try {
    program = compileAdmission(text, use);
  } catch (error) {
    mistake = error;
  }
  return {
    text,
    evaluate(activation, budget) {
      if (!program) throw new EvaluationError(`compilation error: ${messageOf(mistake)}`);
      const meter = new Meter(CALL_LIMIT);
      let outcome: { readonly value: Value } | CelError | CelLimitError;
      try {
        outcome = { value: program.evaluate(activation, meter) };
      } catch (error) {
        if (!(error instanceof CelError || error instanceof CelLimitError)) throw error;
        outcome = error;
      }
      budget.spend(meter.spent);
      if (outcome instanceof Error) throw new EvaluationError(`expression '${text.trim()}' resulted in error: ${outcome.message}`);
      return outcome.value;
    },
  };
}

/** An expression that came to nothing. */
export class EvaluationError extends Error {}

/** Nothing more is evaluated. */
export class BudgetError extends EvaluationError {
  constructor() {
    super('validation failed due to running out of cost budget, no further validation rules will be run');
  }
}

export interface Surroundings {
  readonly namespaceObject?: AnyObject | undefined;
  readonly params?: AnyObject | undefined;
  /** In the order in which they may speak of each other. */
  readonly variables?: readonly { readonly name: string; readonly expression: Expression }[] | undefined;
  /** Spent by the variables. */
  readonly budget?: Budget | undefined;
}

/** The values that expressions speak of; each is made when it is first asked for. */
export function activationOf(request: AdmissionRequest, as: Served, around: Surroundings = {}): Activation {
  const { operation, object, oldObject } = request;
  const json = (value: AnyObject | undefined): Value => fromJson(value ?? null);
  const budget = around.budget ?? new Budget();
  const activation: Activation = once({
    object: () => json(operation === 'DELETE' ? undefined : shownTo(request, as, object)),
    oldObject: () => json(oldObject && shownTo(request, as, oldObject)),
    request: () => fromJson(requestOf(request, as)),
    namespaceObject: () => json(around.namespaceObject),
    params: () => json(around.params),
    variables: () =>
      lazily(
        memoized(
          Object.fromEntries((around.variables ?? []).map(({ name, expression }) => [name, () => expression.evaluate(activation, budget)])),
        ),
      ),
  });
  return activation;
}

/** An object whose fields are made when they are first read. */
function once(fields: Readonly<Record<string, () => Value>>): Activation {
  const out = {};
  for (const [name, make] of Object.entries(memoized(fields))) Object.defineProperty(out, name, { get: make, enumerable: true });
  return out;
}

function memoized(fields: Readonly<Record<string, () => Value>>): Record<string, () => Value> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, make]) => {
      let known: { readonly value: Value } | undefined;
      return [name, () => (known ??= { value: make() }).value];
    }),
  );
}

/** The conditions under which a webhook or a policy is asked. */
export type Conditions = readonly Expression[];

/** True when all hold. One that is false decides, whatever became of the others; else throws `EvaluationError` of those that failed. */
export async function hold(conditions: Conditions, activation: Activation): Promise<boolean> {
  const budget = new Budget(CONDITIONS_BUDGET);
  const failures: string[] = [];
  for (const condition of conditions) {
    await nextTurn();
    try {
      if (condition.evaluate(activation, budget) === false) return false;
    } catch (error) {
      if (!(error instanceof EvaluationError) || error instanceof BudgetError) throw error;
      failures.push(error.message);
    }
  }
  if (failures.length === 0) return true;
  throw new EvaluationError(failures.length === 1 ? failures[0] : `[${failures.join(', ')}]`);
}
