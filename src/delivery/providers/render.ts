/** Fills in the query of a MetricTemplate, which is a Go text/template with functions and nothing else. Pure. */
import { Fault } from '../../base/index.ts';

export interface Blanks {
  readonly name: string;
  readonly namespace: string;
  readonly target: string;
  readonly service: string;
  readonly ingress: string;
  readonly route: string;
  readonly interval: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** An action; with a dash at a side, the blanks beyond that side go. */
const ACTION = /\s*\{\{-\s+(.*?)(?:\s+-\}\}\s*|\}\})|\{\{(.*?)(?:\s-\}\}\s*|\}\})/gs;
const VARIABLE = /^variables\.([A-Za-z_]\w*)$|^index\s+variables\s+(?:"([^"]*)"|`([^`]*)`)$/;

/** Throws a `Fault` that says what the template may ask for. */
export function renderQuery(query: string, blanks: Blanks): string {
  return query.replace(ACTION, (_, trimmed: string | undefined, plain: string | undefined) =>
    valueOf((trimmed ?? plain ?? '').trim(), blanks),
  );
}

function valueOf(action: string, blanks: Blanks): string {
  if (/^\/\*.*\*\/$/s.test(action)) return '';
  const [, dotted, quoted, raw] = VARIABLE.exec(action) ?? [];
  const variable = dotted ?? quoted ?? raw;
  if (variable !== undefined) {
    const value = blanks.variables[variable];
    if (value === undefined)
      throw new Fault('NoVariable', `variable ${variable} is not set: add it to templateVariables of the Canary's metric`);
    return value;
  }
  const { variables: _, ...functions } = blanks;
  if (Object.hasOwn(functions, action)) return functions[action as keyof typeof functions];
  const known = [...Object.keys(functions), 'variables.<name>'].join(', ');
  throw new Fault('BadTemplate', `{{ ${action} }} is not known: use one of ${known}`);
}
