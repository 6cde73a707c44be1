/** Label and field selectors, as the fake client needs them. */

interface Requirement {
  readonly key: string;
  readonly holds: (value: string | undefined) => boolean;
}

export type Labels = Readonly<Record<string, string>>;

/** A predicate for `app=web,tier in (a,b),!old` (apimachinery `labels.Parse`). */
export function labelSelector(text: string): (labels: Labels) => boolean {
  const requirements = splitTopLevel(text).map(requirement);
  return (labels) => requirements.every((r) => r.holds(labels[r.key]));
}

/** A predicate for `metadata.name=web,status.phase!=Failed`: dotted paths compared as text; an absent field is empty. */
export function fieldSelector(text: string): (object: object) => boolean {
  const requirements = splitTopLevel(text).map(requirement);
  return (object) => requirements.every((r) => r.holds(fieldText(object, r.key)));
}

function requirement(text: string): Requirement {
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(text);
  if (set) {
    const values = new Set(set[3]!.split(',').map((v) => v.trim()));
    const wanted = set[2] === 'in';
    return { key: set[1]!, holds: (v) => (v !== undefined && values.has(v)) === wanted };
  }
  const equality = /^([^=!]+?)\s*(==|=|!=)\s*(.*)$/.exec(text);
  if (equality) {
    const wanted = equality[2] !== '!=';
    return { key: equality[1]!, holds: (v) => (v === equality[3]) === wanted };
  }
  return text.startsWith('!') ? { key: text.slice(1).trim(), holds: (v) => v === undefined } : { key: text, holds: (v) => v !== undefined };
}

/** Splits at commas that are not inside parentheses. */
function splitTopLevel(text: string): string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function fieldText(object: object, path: string): string {
  let value: unknown = object;
  for (const step of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[step];
  return value === undefined || value === null ? '' : String(value);
}
