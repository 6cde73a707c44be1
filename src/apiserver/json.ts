export type Json = Record<string, unknown>;

export function isRecord(value: unknown): value is Json {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** A copy that nobody else holds, of a JSON value. A field `__proto__` is left out: assigning it would not make a field. */
export function copy<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copy) as T;
  if (!isRecord(value)) return value;
  const out: Json = {};
  for (const key of Object.keys(value)) if (key !== '__proto__') out[key] = copy(value[key]);
  return out as T;
}

/** True for JSON values that say the same; the order of fields does not count, an undefined field is an absent one. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]));
  if (!isRecord(a) || !isRecord(b)) return false;
  for (const key of Object.keys(a)) if (!equal(a[key], b[key])) return false;
  for (const key of Object.keys(b)) if (a[key] === undefined && b[key] !== undefined) return false;
  return true;
}

/** `spec.containers[0].name`, from a parent's path and a field of it. */
export function fieldPath(parent: string, field: string): string {
  if (!/^[A-Za-z_$][\w$-]*$/.test(field)) return `${parent}[${field}]`;
  return parent ? `${parent}.${field}` : field;
}

/** How deep JSON may be nested: deeper is not a Kubernetes object but an attack on the stack. */
const DEPTH = 256;

/**
 * Parses JSON and finds the fields that an object has twice, which JSON.parse keeps to itself.
 * Throws SyntaxError.
 */
export function parseJson(text: string): { value: unknown; duplicates: string[] } {
  const duplicates: string[] = [];
  const value: unknown = JSON.parse(text);
  // The text is well-formed from here on, so that finding the keys needs no more than strings and brackets.
  const stack: { path: string; keys: Set<string> | undefined; index: number; key: string }[] = [];
  const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/gs;
  let pending = '';
  for (const [match] of text.matchAll(token)) {
    const top = stack.at(-1);
    if (match === '{' || match === '[') {
      const path = !top ? '' : top.keys ? fieldPath(top.path, top.key) : `${top.path}[${top.index}]`;
      stack.push({ path, keys: match === '{' ? new Set() : undefined, index: 0, key: '' });
      if (stack.length > DEPTH) throw new SyntaxError(`nested deeper than ${DEPTH} levels`);
    } else if (match === '}' || match === ']') {
      stack.pop();
    } else if (match === ',') {
      if (top && !top.keys) top.index++;
    } else if (match === ':') {
      const key = JSON.parse(pending) as string;
      if (top?.keys?.has(key)) duplicates.push(fieldPath(top.path, key));
      top!.keys!.add(key);
      top!.key = key;
    } else {
      pending = match;
    }
  }
  return { value: HALF.test(text) ? wellFormed(value) : value, duplicates };
}

const HALF = /\\u[dD][89a-fA-F]/;

/** As Go reads it: half a character (`\ud800`) becomes U+FFFD. Neither UTF-8 nor protobuf has a place for it. */
export function wellFormed<T>(value: T): T {
  if (typeof value === 'string') return value.toWellFormed() as T;
  if (Array.isArray(value)) return value.map(wellFormed) as T;
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toWellFormed(), wellFormed(item)])) as T;
}
