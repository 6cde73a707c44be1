/** The kind of `telemetry.istio.io`. */
import { Telemetries } from '../../resources.ts';
import type { Causes } from '../check.ts';
import { defineCustom } from '../custom.ts';
import { checkDuration } from './checks.ts';
import { expressionProblem } from './expression.ts';
import type { CustomTag, Metrics, Telemetry } from './proxy-types.ts';
import { telemetry } from './shared.ts';

export const telemetries = defineCustom<Telemetry>({
  ...telemetry,
  resource: Telemetries,
  shortNames: ['telemetry'],
  check(causes, o) {
    const { selector, targetRef, targetRefs, accessLogging = [], metrics = [], tracing = [] } = o.spec ?? {};
    if (selector && (targetRef || targetRefs?.length))
      causes.forbidden('spec.selector', 'only one of targetRefs or workloadSelector can be set');
    accessLogging.forEach(({ filter }, i) => checkExpression(causes, `spec.accessLogging[${i}].filter.expression`, filter?.expression));
    metrics.forEach((m, i) => checkMetrics(causes, `spec.metrics[${i}]`, m));
    tracing.forEach(({ customTags = {} }, i) => {
      for (const [name, tag] of Object.entries(customTags)) checkTag(causes, `spec.tracing[${i}].customTags[${name}]`, name, tag);
    });
  },
});

function checkExpression(causes: Causes, at: string, expression: string | undefined): void {
  const problem = expression === undefined ? undefined : expressionProblem(expression);
  if (problem) causes.invalid(at, expression, `must be a valid CEL expression: ${problem}`);
}

function checkMetrics(causes: Causes, path: string, { reportingInterval, overrides = [] }: Metrics): void {
  checkDuration(causes, `${path}.reportingInterval`, reportingInterval);
  overrides.forEach(({ tagOverrides = {} }, i) => {
    for (const [name, tag] of Object.entries(tagOverrides)) {
      const at = `${path}.overrides[${i}].tagOverrides[${name}]`;
      if (!name) causes.required(at, 'tagOverrides.name cannot be empty');
      if (tag?.operation === 'REMOVE') {
        if (tag.value) causes.invalid(`${at}.value`, tag.value, 'tagOverrides.value must not be set when operation is REMOVE');
      } else if (!tag?.value) causes.required(`${at}.value`, 'tagOverrides.value must be set when operation is UPSERT');
      else checkExpression(causes, `${at}.value`, tag.value);
    }
  });
}

function checkTag(causes: Causes, at: string, name: string, tag: CustomTag | undefined): void {
  if (!name) causes.required(at, 'tag name may not be empty');
  if (tag?.literal && !tag.literal.value) causes.required(`${at}.literal.value`, 'literal tag value may not be empty');
  if (tag?.header && !tag.header.name) causes.required(`${at}.header.name`, 'header tag name may not be empty');
  if (tag?.environment && !tag.environment.name) causes.required(`${at}.environment.name`, 'environment tag name may not be empty');
}
