/** Objects to begin with: those of the samples, and what the schemas of all kinds allow. */
import { globSync, readFileSync } from 'node:fs';
import { apiVersionOf, createCatalog, type AnyObject, type KindDef, type Resource, type Schema } from '../../src/api/index.ts';
import { below, parseYaml, type Rng } from '../../src/base/index.ts';
import { anyName, anyNumber, anyString, chance, NAMES, oneOf } from './choice.ts';
import { DEFINITION, SEEDS, WIDGETS, WIDGETS_DEFINITION } from './seeds.ts';

/** What a request needs to know of a kind. */
export interface Kind {
  readonly resource: Resource;
}

export const KINDS: readonly KindDef[] = createCatalog().all();

const ROOT = new URL('../../', import.meta.url);

const SAMPLES: readonly AnyObject[] = globSync('samples/**/*.yaml', { cwd: ROOT }).flatMap(
  (file) => parseYaml(readFileSync(new URL(file, ROOT), 'utf8'), file) as AnyObject[],
);

const kindOf = new Map<string, Kind>(KINDS.map((def) => [`${def.resource.group} ${def.resource.kind}`, def]));
kindOf.set(`${WIDGETS.group} ${WIDGETS.kind}`, { resource: WIDGETS });

const WHOLE: readonly { readonly def: Kind; readonly object: AnyObject }[] = [...SAMPLES, ...SEEDS, ...SEEDS].flatMap((object) => {
  const apiVersion = object.apiVersion ?? '';
  const def = kindOf.get(`${apiVersion.includes('/') ? apiVersion.split('/')[0] : ''} ${object.kind}`);
  return def ? [{ def, object }] : [];
});

const BUSY = new Set(['ConfigMap', 'Secret', 'Pod', 'Service', 'Deployment', 'Namespace', 'VirtualService', 'CustomResourceDefinition']);
const BUSY_KINDS: readonly Kind[] = [...KINDS.filter((def) => BUSY.has(def.resource.kind)), { resource: WIDGETS }];

/** A kind; some more often than others, so that there is something to patch and to delete. */
export function anyKind(rng: Rng): Kind {
  return oneOf<Kind>(rng, chance(rng, 0.4) ? BUSY_KINDS : KINDS);
}

/** An object, and its kind. */
export function anyObject(rng: Rng): { def: Kind; object: AnyObject } {
  if (chance(rng, 0.6)) {
    const { def, object } = oneOf(rng, WHOLE);
    return { def, object: named(rng, structuredClone(object)) };
  }
  const def = oneOf(rng, KINDS);
  const made = fromSchema(rng, def.schema, 0) as AnyObject;
  return { def, object: named(rng, { ...made, apiVersion: apiVersionOf(def.resource), kind: def.resource.kind }) };
}

function named(rng: Rng, object: AnyObject): AnyObject {
  const own = object.kind === DEFINITION.kind && chance(rng, 0.8) ? WIDGETS_DEFINITION : undefined;
  const metadata: Record<string, unknown> = { name: own ?? anyName(rng) };
  if (chance(rng, 0.3)) metadata['labels'] = { app: oneOf(rng, NAMES) };
  if (chance(rng, 0.05)) metadata['finalizers'] = ['example.com/hold'];
  if (chance(rng, 0.05)) metadata['ownerReferences'] = [{ apiVersion: 'v1', kind: 'Pod', name: 'a', uid: 'x' }];
  return { ...object, metadata };
}

export function fromSchema(rng: Rng, schema: Schema | undefined, depth: number): unknown {
  if (!schema || depth > 9) return anyString(rng);
  if (schema.enum && chance(rng, 0.9)) return oneOf(rng, schema.enum);
  if (schema.default !== undefined && chance(rng, 0.3)) return structuredClone(schema.default);
  if (schema['x-kubernetes-int-or-string']) return chance(rng, 0.5) ? below(rng, 100) : '25%';
  switch (schema.type) {
    case 'object': {
      const out: Record<string, unknown> = {};
      const share = depth < 2 ? 0.6 : 0.25;
      for (const [field, child] of Object.entries(schema.properties ?? {})) {
        if (schema.required?.includes(field) || chance(rng, share)) out[field] = fromSchema(rng, child, depth + 1);
      }
      if (typeof schema.additionalProperties === 'object') {
        for (let n = below(rng, 3); n > 0; n--) out[anyString(rng)] = fromSchema(rng, schema.additionalProperties, depth + 1);
      }
      return out;
    }
    case 'array':
      return Array.from({ length: below(rng, 3) }, () => fromSchema(rng, schema.items, depth + 1));
    case 'integer':
      return Math.trunc(anyNumber(rng));
    case 'number':
      return anyNumber(rng);
    case 'boolean':
      return chance(rng, 0.5);
    default:
      return chance(rng, 0.7) ? oneOf(rng, NAMES) : anyString(rng);
  }
}
