import { parseAllDocuments, stringify } from 'yaml';
import { Fault } from './fault.ts';

/** Every document of a YAML (or JSON) stream; empty ones are left out. Throws a Fault that names line and column. */
export function parseYaml(text: string, source = 'YAML'): unknown[] {
  const out: unknown[] = [];
  for (const doc of parseAllDocuments(text, { uniqueKeys: true, version: '1.1', merge: true })) {
    const error = doc.errors[0];
    if (error) {
      const at = error.linePos?.[0];
      throw new Fault('YamlInvalid', `${source}${at ? `, line ${at.line}, column ${at.col}` : ''}: ${error.message.split('\n')[0]}`, {
        hint: 'Correct the YAML at that line and try again.',
      });
    }
    const value: unknown = doc.toJS({ maxAliasCount: 100 });
    if (value !== null && value !== undefined) out.push(value);
  }
  return out;
}

/** YAML as `kubectl -o yaml` lays it out. */
export function toYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}
