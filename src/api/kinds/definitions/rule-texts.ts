import type { Schema, ValidationRule } from '../../kind.ts';
import { asGo, type Causes } from '../check.ts';

const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
/** Longest message, in characters. */
const MESSAGE_LIMIT = 2048;
const hasBreak = (text: string): boolean => /[\n\r]/.test(text);

/** What can be said of rules without compiling them. */
export function checkRuleTexts(causes: Causes, at: string, schema: Schema): void {
  schema['x-kubernetes-validations']?.forEach((rule, i) => {
    const here = `${at}.x-kubernetes-validations[${i}]`;
    const [text, message] = [(rule.rule ?? '').trim(), (rule.message ?? '').trim()];
    if (!text) causes.required(`${here}.rule`, 'rule is not specified');
    else if (rule.message && !message) causes.invalid(`${here}.message`, rule.message, 'message must be non-empty if specified');
    else if (hasBreak(message)) causes.invalid(`${here}.message`, rule.message, 'message must not contain line breaks');
    else if (hasBreak(text) && !message) causes.required(`${here}.message`, 'message must be specified if rule contains line breaks');
    if (message.length > MESSAGE_LIMIT) causes.tooLong(`${here}.message`, MESSAGE_LIMIT);
    if (rule.messageExpression !== undefined && !rule.messageExpression.trim())
      causes.required(`${here}.messageExpression`, 'messageExpression must be non-empty if specified');
    causes.oneOf(`${here}.reason`, rule.reason, REASONS);
  });
}

/** A rule as the real server's messages show one. */
export const goRule = (rule: ValidationRule): string => JSON.stringify(asGo(rule, RULE));

const RULE = { Rule: '', Message: '', MessageExpression: '', Reason: null, FieldPath: '', OptionalOldSelf: null };

/** The fields that a rule's `fieldPath` leads over (`.spec['a.b']`); undefined when it is not one. */
export function fieldPathSteps(path: string): string[] | undefined {
  if (!/^(?:\.[^.[\]]+|\['(?:[^'\\]|\\.)*'\])+$/.test(path)) return undefined;
  return [...path.matchAll(/\.([^.[\]]+)|\['((?:[^'\\]|\\.)*)'\]/g)].map(([, name, quoted]) => name ?? quoted!.replace(/\\(.)/g, '$1'));
}

export function checkFieldPath(causes: Causes, at: string, path: string, schema: Schema): void {
  let here: Schema | undefined = schema;
  for (const step of fieldPathSteps(path) ?? ['']) {
    here = here.properties?.[step] ?? (typeof here.additionalProperties === 'object' ? here.additionalProperties : undefined);
    if (!here) return causes.invalid(at, path, `fieldPath ${JSON.stringify(path)} must be a valid path: does not refer to a valid field`);
  }
}
