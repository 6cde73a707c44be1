import { isScalar, LineCounter, parseAllDocuments, stringify, visit, type Document, type Tags } from 'yaml';
import { Fault, messageOf } from './fault.ts';

/** How often aliases of a document may be followed: a few lines could stand for gigabytes. */
const MAX_ALIASES = 100;

/** Types of YAML 1.1 that JSON does not have; Kubernetes reads what looks like them (`2026-01-01`, `12:30`) as text. */
const FOREIGN = /:(timestamp|binary|set|omap|pairs)$/;

const withoutForeign = (tags: Tags): Tags =>
  tags.filter((t) => typeof t === 'string' || !(FOREIGN.test(t.tag) || ('format' in t && t.format === 'TIME')));

/** Every document of a YAML (or JSON) stream; empty ones are left out. Throws a Fault that names line and column. */
export function parseYaml(text: string, source = 'YAML'): unknown[] {
  const lineCounter = new LineCounter();
  const refuse = (offset: number, message: string): never => {
    const { line, col } = lineCounter.linePos(offset);
    throw new Fault('YamlInvalid', `${source}, line ${line}, column ${col}: ${message}`, {
      hint: 'Correct the YAML at that line and try again.',
    });
  };
  const out: unknown[] = [];
  // The parser compares each key with all others of its map: keys given twice are looked for here, in time that grows with the text.
  const options = { uniqueKeys: false, version: '1.1', merge: true, customTags: withoutForeign, lineCounter, prettyErrors: false } as const;
  for (const doc of parseAllDocuments(text, options)) {
    const error = doc.errors[0];
    if (error) refuse(error.pos[0], error.message);
    check(doc, refuse);
    const value = valueOf(doc, source);
    if (value !== null && value !== undefined) out.push(value);
  }
  return out;
}

/** Keys are texts, numbers and the like, each given once; numbers are such as JSON can write. */
function check(doc: Document.Parsed | Document, refuse: (offset: number, message: string) => never): void {
  visit(doc, {
    Scalar(_, { value, range }) {
      if (typeof value === 'number' && !Number.isFinite(value)) refuse(range?.[0] ?? 0, `${value} is no number that JSON has`);
    },
    Map(_, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        const at = (key as { range?: readonly [number, ...unknown[]] } | null)?.range?.[0] ?? 0;
        if (!isScalar(key)) refuse(at, 'a key is a text, not a list, a map or an alias');
        const { value } = key as { value: unknown };
        if (seen.has(value) && value !== '<<') refuse(at, `the key ${String(value)} is given twice`);
        seen.add(value);
      }
    },
  });
}

function valueOf(doc: Document.Parsed | Document, source: string): unknown {
  try {
    return doc.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (cause) {
    throw new Fault('YamlInvalid', `${source}: ${messageOf(cause)}`, { hint: 'Write out what the aliases stand for.', cause });
  }
}

/** YAML as `kubectl -o yaml` lays it out; words that YAML 1.1 takes for something else (`yes`, `on`) are quoted. */
export function toYaml(value: unknown): string {
  return stringify(value, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });
}
