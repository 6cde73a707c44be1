/** What the API server would refuse of an object that it has not been given yet. */
import { keyOf, type AnyObject, type KindDef, type KubeObject } from '../../api/index.ts';
import { checkSchema } from '../../apiserver/index.ts';
import type { Problem } from '../../mesh/index.ts';

/** Of kinds with a schema of their own; with what Istio's analyzer calls it. */
export function refusalsOf(def: KindDef | undefined, object: KubeObject): Problem[] {
  if (!def?.custom) return [];
  const byShape = checkSchema(def.schema, object);
  // The definition looks at objects of the right shape.
  const causes = byShape.length ? byShape : (def.validate?.(object as AnyObject, undefined) ?? []);
  return causes.map(({ field = '', message = '' }) => ({
    object: { kind: def.resource.kind, ...keyOf(object) },
    code: 'IST0106',
    severity: 'error',
    path: field,
    message: `${message}.`,
    fix: 'Correct it; the API server refuses the object, so nothing else is said of it.',
  }));
}
