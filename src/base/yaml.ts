import { isAlias, isCollection, parseAllDocuments, stringify, visit, type Document } from 'yaml';
import { Fault, messageOf } from './fault.ts';

/** How often aliases of a document may be followed: a few lines could stand for gigabytes. */
const MAX_ALIASES = 100;

/** Every document of a YAML (or JSON) stream; empty ones are left out. Throws a Fault that names line and column. */
export function parseYaml(text: string, source = 'YAML'): unknown[] {
  const out: unknown[] = [];
  for (const doc of parseAllDocuments(text, { uniqueKeys: true, version: '1.1', merge: true })) {
    const error = doc.errors[0];
    if (error) {
      const at = error.linePos?.[0];
      const [said] = error.message.split('\n');
      throw new Fault('YamlInvalid', `${source}${at ? `, line ${at.line}, column ${at.col}` : ''}: ${said}`, {
        hint: 'Correct the YAML at that line and try again.',
      });
    }
    const value = valueOf(doc, source);
    if (value !== null && value !== undefined) out.push(value);
  }
  return out;
}

function valueOf(doc: Document.Parsed | Document, source: string): unknown {
  visit(doc, {
    Pair(_, { key }) {
      if (!isCollection(key) && !isAlias(key)) return;
      throw new Fault('YamlInvalid', `${source}: a list or a map stands where a key does`, { hint: 'Use text for every key.' });
    },
  });
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
