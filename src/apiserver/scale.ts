import { labelSelectorOf, labelSelectorText, partsOf, type AnyObject, type Served } from '../api/index.ts';
import { copy, isRecord, type Json } from './json.ts';
import type { Draft } from './lifecycle.ts';

/** `autoscaling/v1 Scale` of an object. */
export function scaleOf(served: Served, object: AnyObject): AnyObject {
  const paths = partsOf(served).scale!;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata ?? {};
  const path = paths.labelSelectorPath ?? (served.def.custom ? undefined : '.spec.selector');
  const selector = path ? at(object, path) : undefined;
  const text = typeof selector === 'string' ? selector : isRecord(selector) ? labelSelectorText(labelSelectorOf(selector)) : '';
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: copy({ name, ...(namespace ? { namespace } : {}), uid, resourceVersion, creationTimestamp }),
    spec: { replicas: at(object, paths.specReplicasPath) ?? 0 },
    status: { replicas: at(object, paths.statusReplicasPath) ?? 0, ...(text ? { selector: text } : {}) },
  };
}

/** The object with the replicas that a Scale asks for. */
export function withReplicas(served: Served, object: AnyObject, replicas: number): Draft {
  const next = copy(object) as Draft;
  const steps = stepsOf(partsOf(served).scale!.specReplicasPath);
  let parent: Json = next;
  for (const step of steps.slice(0, -1)) parent = (parent[step] ??= {}) as Json;
  parent[steps.at(-1)!] = replicas;
  return next;
}

function at(object: AnyObject, path: string): unknown {
  let value: unknown = object;
  for (const step of stepsOf(path)) value = isRecord(value) ? value[step] : undefined;
  return value;
}

/** `.spec.replicas` is the only form that a definition may use. */
function stepsOf(path: string): string[] {
  return path.split('.').filter((step) => step !== '');
}
