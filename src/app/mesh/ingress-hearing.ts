/** An Ingress has no place for conditions: that it is refused is told by an Event, and remembered here. */
import { Ingresses, keyOf, keyText, type IstioCondition } from '../../api/index.ts';
import type { Informers } from '../../control/index.ts';
import { locate, saysSo } from './mesh-conditions.ts';
import { REJECTED, type Hearing } from './programmed.ts';

export function ingressHearing(informers: Informers): Hearing {
  const ingresses = informers.of(Ingresses);
  let told = new Map<string, IstioCondition>();
  return {
    hearers() {
      const all = ingresses
        .list()
        .map((object) => ({ id: `Ingress ${keyText(keyOf(object))}`, generation: object.metadata?.generation ?? 0 }));
      // What is gone is forgotten.
      told = new Map(all.flatMap(({ id }) => (told.has(id) ? [[id, told.get(id)!]] : [])));
      return all.map((hearer) => ({ ...hearer, said: told.get(hearer.id) }));
    },
    async say(id, condition) {
      if (saysSo(told.get(id), condition)) return undefined;
      told.set(id, condition);
      const object = condition.reason === REJECTED ? ingresses.get(locate(id).key) : undefined;
      return object && { ...object, kind: Ingresses.kind };
    },
  };
}
