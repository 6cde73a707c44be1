import type { Binding, Pod } from 'kubernetes-types/core/v1.js';
import { Pods, type AnyObject } from '../api/index.ts';
import { rfc3339 } from '../base/index.ts';
import type { Core } from './core.ts';
import { decode } from './decode.ts';
import { entryOf } from './entry.ts';
import { conflict, invalid } from './errors.ts';
import { copy } from './json.ts';
import type { Draft } from './lifecycle.ts';
import type { Body, Target, WriteQuery, Written } from './registry.ts';
import type { Writes } from './writes.ts';

/** `pods/binding`, and `bindings`: gives a pod to a node. Throws Conflict for a pod that has one, or is on its way out. */
export function createBindings(
  { catalog, clock }: Core,
  writes: Writes,
): (target: Target, body: Body, query: WriteQuery) => Promise<Written> {
  const bindings = catalog.findKind('', 'v1', 'Binding')!;
  const pods = catalog.find(Pods.group, Pods.version, Pods.plural)!;
  return async ({ namespace, name: named, user }, body, query) => {
    const { object, warnings } = decode(bindings, body, query.fieldValidation);
    const binding = object as AnyObject & Binding;
    const name = named ?? binding.metadata?.name ?? '';
    const causes = bindings.def.validate?.(object, undefined) ?? [];
    if (causes.length > 0) throw invalid(bindings.def, name, causes);
    const at: Target = { served: pods, namespace, name, subresource: 'binding', user };
    await writes.revise(at, query, ({ object: pod }) => ({ draft: bound(at, pod, binding, clock.now()), warnings: [] }));
    return { ...entryOf({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }), created: true, warnings };
  };
}

/** The pod on its node. */
function bound({ served, name = '' }: Target, current: AnyObject, binding: Binding, now: number): Draft {
  const pod = copy(current) as AnyObject & Pod;
  const refuse = (why: string): Error => conflict(served.def, name, why);
  if (pod.metadata?.deletionTimestamp) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  if (pod.spec?.nodeName) throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`);
  if (pod.spec?.schedulingGates?.length) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  const { uid = pod.metadata?.uid, resourceVersion = pod.metadata?.resourceVersion, annotations } = binding.metadata ?? {};
  const others = pod.status?.conditions?.filter(({ type }) => type !== 'PodScheduled') ?? [];
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      uid,
      resourceVersion,
      ...(annotations ? { annotations: { ...pod.metadata?.annotations, ...annotations } } : {}),
    },
    spec: { ...pod.spec, nodeName: binding.target.name },
    status: { ...pod.status, conditions: [...others, { type: 'PodScheduled', status: 'True', lastTransitionTime: rfc3339(now) }] },
  };
}
