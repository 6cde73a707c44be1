/** Clients that do less than the one they are made of. */
import { ApiError } from '../api/index.ts';
import type { Client } from './client.ts';

/** As wide as the client it is made of, whatever that is made of. */
const like = (client: Client): Client => ({
  get: (resource, key) => client.get(resource, key),
  list: (resource, options) => client.list(resource, options),
  watch: (resource, options) => client.watch(resource, options),
  create: (resource, object, options) => client.create(resource, object, options),
  update: (resource, object, options) => client.update(resource, object, options),
  patch: (resource, key, patch, options) => client.patch(resource, key, patch, options),
  delete: (resource, key, options) => client.delete(resource, key, options),
});

/** Lists and watches one namespace where none is named; undefined: all, as ever. */
export function withinNamespace(client: Client, namespace: string | undefined): Client {
  if (namespace === undefined) return client;
  return {
    ...like(client),
    list: (resource, options) => client.list(resource, { namespace, ...options }),
    watch: (resource, options) => client.watch(resource, { namespace, ...options }),
  };
}

/** Reads, and writes only while `may` says so: afterwards every write is refused before it is sent. */
export function fenced(client: Client, may: () => boolean): Client {
  const check = (): void => {
    if (!may()) throw new ApiError('ServiceUnavailable', 'this instance no longer leads: nothing is written');
  };
  return {
    ...like(client),
    async create(resource, object, options) {
      check();
      return client.create(resource, object, options);
    },
    async update(resource, object, options) {
      check();
      return client.update(resource, object, options);
    },
    async patch(resource, key, patch, options) {
      check();
      return client.patch(resource, key, patch, options);
    },
    async delete(resource, key, options) {
      check();
      return client.delete(resource, key, options);
    },
  };
}
