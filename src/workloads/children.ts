import type { LabelSelector } from 'kubernetes-types/meta/v1.js';
import { keyOf, keyText, type KubeObject, type Resource } from '../api/index.ts';
import { controllerOf, type Informer } from '../control/index.ts';
import { selects } from './labels.ts';

/** The keys of those that a child concerns: its controller, or all whose selector would adopt it when it has none. */
export function ownersOf<O extends KubeObject>(
  kind: Resource<O>,
  owners: Informer<O>,
  selectorOf: (owner: O) => LabelSelector | undefined,
): (child: KubeObject) => string[] {
  return (child) => {
    const { namespace, labels } = child.metadata ?? {};
    const controller = controllerOf(child);
    if (controller) return controller.kind === kind.kind ? [keyText({ namespace, name: controller.name })] : [];
    return owners
      .list(namespace)
      .filter((owner) => selects(selectorOf(owner), labels))
      .map((owner) => keyText(keyOf(owner)));
  };
}
