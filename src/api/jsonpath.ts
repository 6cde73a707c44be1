/** The part of kubectl's JSONPath that printer columns use. */

type Step =
  | { readonly type: 'field'; readonly name: string }
  | { readonly type: 'index'; readonly index: number }
  | { readonly type: 'all' }
  | { readonly type: 'filter'; readonly path: readonly Step[]; readonly equal: boolean; readonly value: unknown };

export type JsonPath = readonly Step[];

/** Parses `.status.conditions[?(@.type=="Ready")].status` and the like; undefined when it is not one. */
export function parseJsonPath(text: string): JsonPath | undefined {
  const steps: Step[] = [];
  let rest = text.startsWith('$') ? text.slice(1) : text;
  while (rest) {
    const found = stepAt(rest);
    if (!found) return undefined;
    steps.push(found.step);
    rest = rest.slice(found.length);
  }
  return steps.length ? steps : undefined;
}

const NAME = /^\.?\[(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\]|^\.((?:[^.[\]\\]|\\.)+)/;
const INDEX = /^\[(-?\d+)\]/;
const ALL = /^(?:\[\*\]|\.\*)/;
const FILTER = /^\[\?\(\s*@((?:\.[A-Za-z0-9_-]+)+)\s*(==|!=)\s*(?:"([^"]*)"|'([^']*)'|(true|false|-?\d+(?:\.\d+)?))\s*\)\]/;

function stepAt(text: string): { step: Step; length: number } | undefined {
  let m = ALL.exec(text);
  if (m) return { step: { type: 'all' }, length: m[0].length };
  m = INDEX.exec(text);
  if (m) return { step: { type: 'index', index: Number(m[1]) }, length: m[0].length };
  m = FILTER.exec(text);
  if (m) {
    const path = parseJsonPath(m[1]!);
    const value: unknown = m[3] ?? m[4] ?? JSON.parse(m[5]!);
    return path && { step: { type: 'filter', path, equal: m[2] === '==', value }, length: m[0].length };
  }
  m = NAME.exec(text);
  return m ? { step: { type: 'field', name: (m[1] ?? m[2] ?? m[3]!).replace(/\\(.)/g, '$1') }, length: m[0].length } : undefined;
}

/** All values at a path; none when it leads nowhere. */
export function valuesAt(path: JsonPath, root: unknown): unknown[] {
  let values: unknown[] = [root];
  for (const step of path) values = values.flatMap((value) => follow(step, value));
  return values;
}

function follow(step: Step, value: unknown): unknown[] {
  switch (step.type) {
    case 'field':
      return isObject(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case 'index':
      return Array.isArray(value) && value.at(step.index) !== undefined ? [value.at(step.index)] : [];
    case 'all':
      return Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
    case 'filter':
      return Array.isArray(value) ? value.filter((item) => (valuesAt(step.path, item)[0] === step.value) === step.equal) : [];
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
