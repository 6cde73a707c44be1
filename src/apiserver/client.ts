import { ApiError, isApiError, type Catalog, type Key, type KubeObject, type Resource, type Served } from '../api/index.ts';
import type { Client, ListOptions, WatchEvent, WriteOptions } from '../control/index.ts';
import type { Entry, Registry, Target, User, WriteQuery } from './registry.ts';

/** The `Client` port over the verbs themselves: no copy, no wire. */
export function createClient(
  registry: Pick<Registry, 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete'>,
  catalog: Catalog,
  user: User,
): Client {
  const served = ({ group, version, plural }: Resource): Served => {
    const found = catalog.find(group, version, plural);
    if (!found) throw new ApiError('NotFound', 'the server could not find the requested resource', { group, kind: plural });
    return found;
  };
  const one = (resource: Resource, { namespace, name }: Partial<Key>, subresource?: string): Target => {
    if (resource.namespaced && !namespace)
      throw new ApiError('BadRequest', `${resource.plural} "${name ?? ''}": an empty namespace may not be set`);
    return { served: served(resource), namespace: resource.namespaced ? namespace : undefined, name, subresource, user };
  };
  const write = ({ fieldManager = user.name, dryRun }: WriteOptions): WriteQuery => ({ fieldManager, dryRun, fieldValidation: 'Ignore' });

  return {
    get: (resource, key, options) =>
      orUndefined(async () => shaped(resource, await registry.get(one(resource, key, options?.subresource)))),

    async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}) {
      const { items, resourceVersion } = await registry.list({ served: served(resource), namespace: options.namespace, user }, options);
      return { items: items.map((entry) => shaped(resource, entry)), resourceVersion };
    },

    async *watch<T extends KubeObject>(
      resource: Resource<T>,
      { signal, ...options }: Parameters<Client['watch']>[1],
    ): AsyncGenerator<WatchEvent<T>> {
      const query = { ...options, allowWatchBookmarks: true };
      for await (const message of registry.watch({ served: served(resource), namespace: options.namespace, user }, query, signal)) {
        yield message.type === 'BOOKMARK'
          ? { type: 'BOOKMARK', resourceVersion: message.resourceVersion }
          : { type: message.type, object: shaped(resource, message.entry) };
      }
    },

    async create<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
      const { namespace, name } = object.metadata ?? {};
      const target = one(resource, { namespace, name: options.subresource && name }, options.subresource);
      return shaped(resource, await registry.create(target, { value: object }, write(options)));
    },

    async update<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
      const target = one(resource, { namespace: object.metadata?.namespace, name: object.metadata?.name }, options.subresource);
      return shaped(resource, await registry.update(target, { value: object }, write(options)));
    },

    async patch<T extends KubeObject>(
      resource: Resource<T>,
      key: Key,
      patch: Parameters<Client['patch']>[2],
      options: WriteOptions = {},
    ): Promise<T> {
      const target = one(resource, key, options.subresource);
      return shaped(resource, await registry.patch(target, patch.type, { value: patch.body }, { ...write(options), force: options.force }));
    },

    async delete<T extends KubeObject>(
      resource: Resource<T>,
      key: Key,
      options: Parameters<Client['delete']>[2] = {},
    ): Promise<T | undefined> {
      return orUndefined(async () => shaped(resource, await registry.delete(one(resource, key), options)));
    },
  };
}

/** What the resource promises of its objects; the schema has seen to it. */
function shaped<T extends KubeObject>(_resource: Resource<T>, { object }: Entry): T {
  return object as unknown as T;
}

/** Undefined when the object is not there; a kind that is not served is still an error. */
async function orUndefined<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (isApiError(error, 'NotFound') && error.details?.name !== undefined) return undefined;
    throw error;
  }
}
