import type { Binding } from 'kubernetes-types/core/v1.js';
import {
  apiVersionOf,
  ApiError,
  Pods,
  keyText,
  labelSelectorOf,
  labelSelectorText,
  type Key,
  type KubeObject,
  type LabelSelectorObject,
  type ObjectMeta,
  type Resource,
  parseFieldSelector,
  parseLabelSelector,
} from '../api/index.ts';
import { canonicalJson, nameSuffix, rfc3339, seededRng, uuid, type Clock, type Rng } from '../base/index.ts';
import type {
  Client,
  DeleteOptions,
  GetOptions,
  ListOptions,
  ObjectList,
  Patch,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from './client.ts';
import { applyPatch } from './fake-patch.ts';

/** One call on the fake, as hooks see it. */
export interface FakeCall {
  readonly verb: 'create' | 'update' | 'patch' | 'delete';
  readonly resource: Resource;
  /** The name is empty for a create with generateName. */
  readonly key: Key;
  readonly subresource: string | undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Stored = Omit<KubeObject, 'metadata'> & {
  metadata: Mutable<ObjectMeta>;
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
};

interface Change {
  readonly revision: number;
  readonly collection: string;
  readonly old: Stored | undefined;
  /** Undefined: deleted. */
  readonly object: Stored | undefined;
}

/** Kinds that take graceful deletion: only pods. */
const isPod = (r: Resource): boolean => r.group === '' && r.plural === 'pods';
const isBinding = (r: Resource): boolean => r.group === '' && r.plural === 'bindings';
const isNamespace = (r: Resource): boolean => r.group === '' && r.plural === 'namespaces';
const collectionOf = (r: Resource): string => `${r.group}/${r.plural}`;

/**
 * The Kubernetes API in memory, for tests: revisions, conflicts, generations, selectors, watches that resume or expire,
 * finalizers, graceful deletion of pods, the status subresource. It knows no schemas, defaults or validation.
 * Objects given out are deeply frozen, so that a controller which changes one fails its test.
 */
export class FakeClient implements Client {
  /** Called around each write; throwing in `before` refuses it, throwing in `after` loses only the answer. */
  hooks: { before?: (call: FakeCall) => void; after?: (call: FakeCall) => void } = {};
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #objects = new Map<string, Map<string, Stored>>();
  #revision = 1;
  #compacted = 0;
  /** Every change after this revision is in the history. */
  #base = 1;
  #history: Change[] = [];
  readonly #watchers = new Set<() => void>();

  constructor(clock: Clock, rng: Rng = seededRng(1)) {
    this.#clock = clock;
    this.#rng = rng;
  }

  /** Stores an object as it is, status included, as if it had always been there. */
  seed<T extends KubeObject>(resource: Resource<T>, object: T): T {
    const o = this.#withIdentity(resource, object);
    return this.#store(resource, undefined, o) as T;
  }

  /** Forgets history: every watch from before now gets `Expired`. */
  compact(): void {
    this.#compacted = this.#base = this.#revision;
    this.#history = [];
    this.#wake();
  }

  async get<T extends KubeObject>(resource: Resource<T>, key: Key, { subresource }: GetOptions = {}): Promise<T | undefined> {
    const object = this.#find(resource, key);
    return (subresource && object ? scaleOf(object) : object) as T | undefined;
  }

  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    const wanted = selects(options);
    const items = [...this.#collection(resource).entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, o]) => o);
    return { items: items.filter(wanted) as unknown as T[], resourceVersion: String(this.#revision) };
  }

  async *watch<T extends KubeObject>(resource: Resource<T>, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const wanted = selects(options);
    const collection = collectionOf(resource);
    let seen = Number(options.resourceVersion);
    while (!options.signal?.aborted) {
      if (seen < this.#compacted) throw new ApiError('Expired', `too old resource version: ${seen} (${this.#compacted})`);
      const next = this.#history.slice(Math.max(0, seen - this.#base));
      for (const change of next) {
        seen = change.revision;
        if (change.collection !== collection) continue;
        const event = eventOf(change, wanted);
        if (event) yield event as WatchEvent<T>;
        if (options.signal?.aborted) return;
      }
      if (next.length === 0) await this.#changed(options.signal);
    }
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.#write({ verb: 'create', resource, key: keyOfNew(object), subresource: options.subresource }, () => {
      if (isBinding(resource)) return this.#bind(object as unknown as Binding);
      const o = this.#withIdentity(resource, object);
      if (this.#find(resource, o.metadata)) throw new ApiError('AlreadyExists', `${resource.plural} "${o.metadata.name}" already exists`);
      delete o.status;
      if (isPod(resource)) o.status = { phase: 'Pending' };
      if (isNamespace(resource)) {
        o.spec ??= { finalizers: ['kubernetes'] };
        o.status = { phase: 'Active' };
      }
      return options.dryRun ? o : this.#store(resource, undefined, o);
    }) as T;
  }

  #bind({ metadata = {}, target }: Binding): unknown {
    const key = keyOfNew({ metadata });
    const pod = this.#find(Pods, key);
    if (!pod) throw notFound(Pods, key);
    const { uid = pod.metadata.uid, resourceVersion = pod.metadata.resourceVersion } = metadata;
    const bound = { ...pod, metadata: { ...pod.metadata, uid, resourceVersion }, spec: { ...pod.spec, nodeName: target.name } };
    return this.#replace(Pods, bound, {});
  }

  async update<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const key = keyOfNew(object);
    return this.#write({ verb: 'update', resource, key, subresource: options.subresource }, () =>
      this.#replace(resource, object, options),
    ) as T;
  }

  async patch<T extends KubeObject>(resource: Resource<T>, key: Key, patch: Patch, options: WriteOptions = {}): Promise<T> {
    return this.#write({ verb: 'patch', resource, key, subresource: options.subresource }, () => {
      const old = this.#find(resource, key);
      if (!old) {
        if (patch.type !== 'apply') throw notFound(resource, key);
        const o = this.#withIdentity(resource, patch.body as T);
        return this.#store(resource, undefined, o);
      }
      return this.#replace(resource, applyPatch(old, patch) as T, options);
    }) as T;
  }

  async delete<T extends KubeObject>(resource: Resource<T>, key: Key, options: DeleteOptions = {}): Promise<T | undefined> {
    const call: FakeCall = { verb: 'delete', resource, key, subresource: undefined };
    return this.#write<unknown>(call, () => this.#delete(resource, key, options)) as T | undefined;
  }

  #write<T>(call: FakeCall, write: () => T): T {
    this.hooks.before?.(call);
    const result = write();
    this.hooks.after?.(call);
    return result;
  }

  #replace(resource: Resource, object: KubeObject, options: WriteOptions): Stored {
    const key = keyOfNew(object);
    const old = this.#find(resource, key);
    if (!old) throw notFound(resource, key);
    const sent = object.metadata ?? {};
    if (sent.uid && sent.uid !== old.metadata.uid)
      throw new ApiError('Conflict', `${resource.plural} "${key.name}": uid ${sent.uid} is not that of the object`);
    if (sent.resourceVersion && sent.resourceVersion !== old.metadata.resourceVersion) {
      throw new ApiError(
        'Conflict',
        `${resource.plural} "${key.name}": the object has been modified; please apply your changes to the latest version`,
      );
    }
    const next = merged(old, structuredClone(object) as Stored, options.subresource);
    if (canonicalJson(next) === canonicalJson(old) || options.dryRun) return old;
    if (specText(next) !== specText(old)) next.metadata.generation = (old.metadata.generation ?? 0) + 1;
    const finished = next.metadata.deletionTimestamp && !hasFinalizers(resource, next) && !(isPod(resource) && graceOf(next) > 0);
    if (!finished) return this.#store(resource, old, next);
    this.#store(resource, old, undefined);
    return next;
  }

  #delete(resource: Resource, key: Key, options: DeleteOptions): Stored | undefined {
    const old = this.#find(resource, key);
    if (!old) return undefined;
    const { uid, resourceVersion } = options.preconditions ?? {};
    if ((uid && uid !== old.metadata.uid) || (resourceVersion && resourceVersion !== old.metadata.resourceVersion)) {
      throw new ApiError('Conflict', `${resource.plural} "${key.name}": precondition failed`);
    }
    const next = structuredClone(old);
    const policy =
      options.propagationPolicy === 'Foreground' ? 'foregroundDeletion' : options.propagationPolicy === 'Orphan' ? 'orphan' : undefined;
    const finalizers = next.metadata.finalizers ?? [];
    if (policy && !finalizers.includes(policy)) next.metadata.finalizers = [...finalizers, policy];
    const grace = isPod(resource) ? podGrace(next, options.gracePeriodSeconds) : 0;
    if (grace === 0 && !hasFinalizers(resource, next)) {
      this.#store(resource, old, undefined);
      return old;
    }
    if (!next.metadata.deletionTimestamp || grace < graceOf(next)) {
      next.metadata.deletionTimestamp = rfc3339(this.#clock.now() + grace * 1000);
      next.metadata.deletionGracePeriodSeconds = grace;
      if (isNamespace(resource)) next.status = { ...next.status, phase: 'Terminating' };
    }
    return canonicalJson(next) === canonicalJson(old) ? old : this.#store(resource, old, next);
  }

  #collection(resource: Resource): Map<string, Stored> {
    const id = collectionOf(resource);
    let map = this.#objects.get(id);
    if (!map) this.#objects.set(id, (map = new Map()));
    return map;
  }

  #find(resource: Resource, key: { namespace?: string | undefined; name?: string | undefined }): Stored | undefined {
    return this.#collection(resource).get(keyText({ namespace: resource.namespaced ? key.namespace : undefined, name: key.name ?? '' }));
  }

  #withIdentity(resource: Resource, object: KubeObject): Stored {
    const o = structuredClone(object) as Stored;
    const given = o.metadata ?? {};
    const name = given.name ?? (given.generateName ? given.generateName + nameSuffix(this.#rng) : undefined);
    if (!name) throw new ApiError('Invalid', `${resource.kind}: metadata.name: Required value: name or generateName is required`);
    if (resource.namespaced && !given.namespace)
      throw new ApiError('BadRequest', `${resource.kind} "${name}": metadata.namespace is required`);
    o.apiVersion ??= apiVersionOf(resource);
    o.kind ??= resource.kind;
    o.metadata = {
      ...given,
      name,
      uid: given.uid ?? uuid(this.#rng),
      generation: given.generation ?? 1,
      creationTimestamp: given.creationTimestamp ?? rfc3339(this.#clock.now()),
    };
    delete o.metadata.resourceVersion;
    return o;
  }

  #store(resource: Resource, old: Stored | undefined, object: Stored | undefined): Stored {
    const revision = ++this.#revision;
    if (object) object.metadata.resourceVersion = String(revision);
    const o = object ? deepFreeze(object) : undefined;
    const key = keyText({ namespace: resource.namespaced ? (o ?? old)!.metadata.namespace : undefined, name: (o ?? old)!.metadata.name! });
    if (o) this.#collection(resource).set(key, o);
    else this.#collection(resource).delete(key);
    const last = o ?? deepFreeze({ ...old!, metadata: { ...old!.metadata, resourceVersion: String(revision) } });
    this.#history.push({ revision, collection: collectionOf(resource), old: o ? old : last, object: o });
    this.#wake();
    return last;
  }

  #wake(): void {
    const waiting = [...this.#watchers];
    this.#watchers.clear();
    for (const wake of waiting) wake();
  }

  #changed(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', wake);
        this.#watchers.delete(wake);
        resolve();
      };
      this.#watchers.add(wake);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }
}

function selects(options: ListOptions): (o: Stored) => boolean {
  const labels = parseLabelSelector(options.labelSelector);
  const fields = parseFieldSelector(options.fieldSelector);
  return (o) =>
    (options.namespace === undefined || o.metadata.namespace === options.namespace) &&
    labels.matches(o.metadata.labels) &&
    fields.matches(o);
}

/** An object that leaves the selector is deleted for the watcher, one that enters it is added. */
function eventOf(change: Change, wanted: (o: Stored) => boolean): WatchEvent<Stored> | undefined {
  const before = change.old !== undefined && wanted(change.old);
  const after = change.object !== undefined && wanted(change.object);
  if (after) return { type: before ? 'MODIFIED' : 'ADDED', object: change.object };
  if (!before) return undefined;
  const last = change.object ?? change.old;
  return { type: 'DELETED', object: last };
}

/** What is stored: spec writes keep the status, status writes keep all but the status; identity never changes. */
function merged(old: Stored, sent: Stored, subresource: WriteOptions['subresource']): Stored {
  if (subresource === 'status') return { ...old, metadata: { ...old.metadata }, ...(sent.status ? { status: sent.status } : {}) };
  if (subresource === 'scale') return { ...old, metadata: { ...old.metadata }, spec: { ...old.spec, replicas: sent.spec?.['replicas'] } };
  if (subresource === 'finalize')
    return { ...old, metadata: { ...old.metadata }, spec: { ...old.spec, finalizers: sent.spec?.['finalizers'] } };
  const { uid, creationTimestamp, generation, resourceVersion, deletionTimestamp, deletionGracePeriodSeconds, name, namespace } =
    old.metadata;
  const kept = { uid, creationTimestamp, generation, resourceVersion, deletionTimestamp, deletionGracePeriodSeconds, name, namespace };
  const next: Stored = { ...sent, apiVersion: old.apiVersion!, kind: old.kind!, metadata: { ...sent.metadata } };
  for (const [field, value] of Object.entries(kept)) {
    if (value === undefined) delete (next.metadata as Record<string, unknown>)[field];
    else (next.metadata as Record<string, unknown>)[field] = value;
  }
  if (old.status === undefined) delete next.status;
  else next.status = old.status;
  return next;
}

/** As Deployments are scaled. */
function scaleOf({ metadata, spec, status }: Stored): KubeObject {
  const selector = labelSelectorText(labelSelectorOf(spec?.['selector'] as LabelSelectorObject | undefined));
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata,
    spec: { replicas: spec?.['replicas'] ?? 1 },
    status: { replicas: status?.['replicas'] ?? 0, ...(selector ? { selector } : {}) },
  } as KubeObject;
}

function specText(o: Stored): string {
  return canonicalJson({ ...o, metadata: undefined, status: undefined });
}

function hasFinalizers(resource: Resource, o: Stored): boolean {
  const own = isNamespace(resource) ? ((o.spec?.['finalizers'] as string[] | undefined) ?? []) : [];
  return (o.metadata.finalizers ?? []).length > 0 || own.length > 0;
}

/** A pod that was never bound, or has ended, needs no grace. */
function podGrace(pod: Stored, asked: number | undefined): number {
  const ended = pod.status?.['phase'] === 'Succeeded' || pod.status?.['phase'] === 'Failed';
  if (!pod.spec?.['nodeName'] || ended) return 0;
  return asked ?? (pod.spec['terminationGracePeriodSeconds'] as number | undefined) ?? 30;
}

const graceOf = (o: Stored): number => o.metadata.deletionGracePeriodSeconds ?? 0;

function keyOfNew(o: KubeObject): Key {
  return { namespace: o.metadata?.namespace, name: o.metadata?.name ?? '' };
}

function notFound(resource: Resource, key: Key): ApiError {
  return new ApiError('NotFound', `${resource.plural} "${key.name}" not found`);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const v of Object.values(value)) deepFreeze(v);
  }
  return value;
}
