import type { OwnerReference } from 'kubernetes-types/meta/v1.js';
import { keyOf, keyText, parseKey, type KubeObject, type Resource } from '../api/index.ts';
import type { Change, Informer, Informers, Lookup } from '../control/index.ts';

/** An object with its kind, which the object itself may not say. */
export interface Item {
  readonly resource: Resource;
  readonly object: KubeObject;
}

interface Kind {
  readonly resource: Resource;
  readonly informer: Informer<KubeObject>;
  readonly byOwner: Lookup<KubeObject>;
}

/** Who owns whom, over all kinds that are served. */
export class ObjectGraph {
  readonly #informers: Informers;
  readonly #kinds = new Map<string, Kind>();
  readonly #onChange: (item: Item, change: Change<KubeObject>['type']) => void;

  constructor(informers: Informers, onChange: (item: Item, change: Change<KubeObject>['type']) => void) {
    this.#informers = informers;
    this.#onChange = onChange;
  }

  /** Takes in kinds that are new; resolves when all their objects are known. */
  async include(resources: readonly Resource[]): Promise<void> {
    const fresh: Informer<KubeObject>[] = [];
    for (const resource of resources) {
      const id = idOf(resource);
      if (this.#kinds.has(id)) continue;
      const informer = this.#informers.of(resource);
      const byOwner = informer.index('owner', (o) => (o.metadata?.ownerReferences ?? []).map((r) => r.uid));
      this.#kinds.set(id, { resource, informer, byOwner });
      informer.onChange((change) => this.#onChange({ resource, object: change.object }, change.type));
      fresh.push(informer);
    }
    await Promise.all(fresh.map((i) => i.synced));
  }

  /** By the text that `keyOf` gives. */
  find(key: string): Item | undefined {
    const [id = '', rest = ''] = key.split('|');
    const kind = this.#kinds.get(id);
    const object = kind?.informer.get(parseKey(rest));
    return kind && object ? { resource: kind.resource, object } : undefined;
  }

  keyOf(item: Item): string {
    return `${idOf(item.resource)}|${keyText(keyOf(item.object))}`;
  }

  dependentsOf(uid: string): Item[] {
    return [...this.#kinds.values()].flatMap(({ resource, byOwner }) => byOwner(uid).map((object) => ({ resource, object })));
  }

  /** The kind an owner reference speaks of, whatever its version. */
  kindOf(reference: OwnerReference): Resource | undefined {
    const group = reference.apiVersion.includes('/') ? reference.apiVersion.split('/')[0]! : '';
    for (const { resource } of this.#kinds.values()) if (resource.group === group && resource.kind === reference.kind) return resource;
    return undefined;
  }

  /** The owner as it is known here: an object of that kind and name in the child's namespace (or in none) with that uid. */
  ownerOf(child: KubeObject, reference: OwnerReference): Item | undefined {
    const resource = this.kindOf(reference);
    const namespace = resource?.namespaced ? child.metadata?.namespace : undefined;
    const object = resource && this.#kinds.get(idOf(resource))?.informer.get({ namespace, name: reference.name });
    return resource && object?.metadata?.uid === reference.uid ? { resource, object } : undefined;
  }
}

function idOf(resource: Resource): string {
  return `${resource.group}/${resource.plural}`;
}
