/** A kind that is built in, under a definition of it that a user brought. */
import type { CustomResourceDefinition } from 'kubernetes-types/apiextensions/v1.js';
import { kindOfCrd } from './crd.ts';
import type { KindDef, Schema } from './kind.ts';

/**
 * The built-in kind, with the fields, values and versions that the definition adds: objects lose nothing, whichever of the two is
 * newer. Limits are those of the definition; checks, columns and defaults beyond the schema stay those of the kind.
 */
export function extendedBy(def: KindDef, crd: CustomResourceDefinition): KindDef {
  const theirs = kindOfCrd(crd);
  if (!theirs) return def;
  const { group, version } = def.resource;
  const offered = [{ group, version: theirs.resource.version, warning: '', schema: theirs.schema }, ...theirs.legacy];
  const same = offered.find((v) => v.version === version) ?? offered[0]!;
  const known = new Set([version, ...def.legacy.map((v) => v.version)]);
  let schema: Schema | undefined;
  return Object.defineProperties({} as KindDef, {
    ...Object.getOwnPropertyDescriptors(def),
    schema: { get: () => (schema ??= union(def.schema, same.schema ?? theirs.schema)), enumerable: true },
    legacy: { value: [...def.legacy, ...offered.filter((v) => !known.has(v.version))], enumerable: true },
  });
}

/** What either of two schemas knows; where they limit the same, the second one counts. */
function union(ours: Schema, theirs: Schema): Schema {
  if (ours === theirs || ours.type !== theirs.type) return ours;
  const out: Schema = { ...theirs };
  if (ours.description) out.description = ours.description;
  if (ours['x-kubernetes-preserve-unknown-fields']) out['x-kubernetes-preserve-unknown-fields'] = true;
  if (ours.properties && !theirs.additionalProperties) {
    out.properties = { ...ours.properties };
    for (const [name, field] of Object.entries(theirs.properties ?? {})) {
      const own = ours.properties[name];
      out.properties[name] = own ? union(own, field) : field;
    }
  }
  if (ours.items && theirs.items) out.items = union(ours.items, theirs.items);
  if (typeof ours.additionalProperties === 'object' && typeof theirs.additionalProperties === 'object') {
    out.additionalProperties = union(ours.additionalProperties, theirs.additionalProperties);
  }
  const required = theirs.required?.filter((name) => ours.required?.includes(name));
  if (required?.length) out.required = required;
  else delete out.required;
  if (ours.enum && theirs.enum) out.enum = [...new Set([...ours.enum, ...theirs.enum])];
  else delete out.enum;
  return out;
}
