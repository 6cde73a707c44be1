import type { IncomingMessage } from 'node:http';
import { apiVersionOf, ApiError, isApiError, keyOf, pathOf, type KubeObject, type Resource, type StatusBody } from '../api/index.ts';
import type { Client, DeleteOptions, ListOptions, ObjectList, Patch, WatchEvent, WatchOptions, WriteOptions } from './client.ts';
import { opener, type HttpClientOptions, type Request } from './http-connection.edge.ts';

/** An answer that is larger than this is not one of ours. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
const MAX_EVENT_BYTES = 8 * 1024 * 1024;
/** What lists are cut into on a real cluster's account: the server keeps the revision between the pages. */
const PAGE = 500;

const PATCH_TYPE: Readonly<Record<Patch['type'], string>> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** The Client port over HTTP. A server that cannot be reached is an `ApiError` ServiceUnavailable. */
export function createHttpClient(options: HttpClientOptions): Client {
  const open = opener(options);

  async function send<T>(request: Request): Promise<T> {
    const res = await open(request);
    const text = await textOf(res, MAX_ANSWER_BYTES);
    if (!isSuccess(res)) throw refusal(res, text);
    return JSON.parse(text) as T;
  }

  async function* watch<T extends KubeObject>(resource: Resource<T>, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const { namespace, labelSelector, fieldSelector, resourceVersion, signal } = options;
    const query = { watch: true, allowWatchBookmarks: true, labelSelector, fieldSelector, resourceVersion };
    let res: IncomingMessage;
    try {
      res = await open({ method: 'GET', path: pathOf(resource, { namespace }), query, signal, endless: true });
    } catch (error) {
      if (signal?.aborted) return;
      throw error;
    }
    if (!isSuccess(res)) throw refusal(res, await textOf(res, MAX_EVENT_BYTES));
    try {
      for await (const line of linesOf(res)) {
        const event = JSON.parse(line) as { type: string; object: KubeObject };
        if (event.type === 'ERROR') throw statusError(event.object as unknown as StatusBody);
        if (event.type === 'BOOKMARK') yield { type: 'BOOKMARK', resourceVersion: event.object.metadata?.resourceVersion ?? '' };
        else yield { type: event.type as 'ADDED' | 'MODIFIED' | 'DELETED', object: event.object as T };
      }
    } catch (error) {
      // A connection that breaks ends the watch: the caller goes on from the last revision it has seen.
      if (error instanceof ApiError) throw error;
    } finally {
      res.destroy();
    }
  }

  return {
    get: (resource, key, options) => unlessMissing(send({ method: 'GET', path: pathOf(resource, key, options?.subresource) })),
    async list<T extends KubeObject>(resource: Resource<T>, { namespace, ...select }: ListOptions = {}): Promise<ObjectList<T>> {
      const items: T[] = [];
      const type = { apiVersion: apiVersionOf(resource), kind: resource.kind };
      for (let token: string | undefined; ;) {
        const query = { ...select, limit: PAGE, continue: token };
        const page = await send<{ items: T[] | null; metadata: { resourceVersion?: string; continue?: string } }>({
          method: 'GET',
          path: pathOf(resource, { namespace }),
          query,
        });
        // A real server leaves the type out of the items of a list.
        for (const item of page.items ?? []) items.push(item.kind ? item : { ...type, ...item });
        token = page.metadata.continue;
        if (!token) return { items, resourceVersion: page.metadata.resourceVersion ?? '' };
      }
    },
    watch,
    create: (resource, object, options) =>
      send({
        method: 'POST',
        path: options?.subresource
          ? pathOf(resource, keyOf(object), options.subresource)
          : pathOf(resource, { ...keyOf(object), name: undefined }),
        query: writeQuery(options),
        body: options?.subresource ? object : typed(resource, object),
      }),
    update: (resource, object, options) =>
      send({
        method: 'PUT',
        path: pathOf(resource, keyOf(object), options?.subresource),
        query: writeQuery(options),
        body: options?.subresource === 'scale' ? object : typed(resource, object),
      }),
    patch: (resource, key, patch, options) =>
      send({
        method: 'PATCH',
        path: pathOf(resource, key, options?.subresource),
        query: { ...writeQuery(options), force: options?.force },
        body: patch.body,
        contentType: PATCH_TYPE[patch.type],
      }),
    async delete<T extends KubeObject>(
      resource: Resource<T>,
      key: { namespace?: string | undefined; name: string },
      options: DeleteOptions = {},
    ) {
      const answer = await unlessMissing(
        send<T | { kind: 'Status'; details?: { uid?: string } }>({
          method: 'DELETE',
          path: pathOf(resource, key),
          body: { kind: 'DeleteOptions', apiVersion: 'v1', ...options },
        }),
      );
      // Of what is gone the server tells only the identity.
      if (answer?.kind === 'Status') {
        const { details } = answer as { details?: { uid?: string } };
        return { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { ...key, uid: details?.uid } } as unknown as T;
      }
      return answer as T | undefined;
    },
  };
}

/** What a server says of the kinds that it has. */
export interface Discovery {
  /** The plural names of a group and version (`apps/v1`); empty when it does not know that. */
  names(groupVersion: string): Promise<readonly string[]>;
  /** The schemas of a group and version, by their names in its OpenAPI (version 3). */
  schemas(groupVersion: string): Promise<Readonly<Record<string, unknown>>>;
}

export function createDiscovery(options: HttpClientOptions): Discovery {
  const open = opener(options);
  async function read<T>(path: string, otherwise: T): Promise<T> {
    const res = await open({ method: 'GET', path });
    const text = await textOf(res, MAX_ANSWER_BYTES);
    if (res.statusCode === 404) return otherwise;
    if (!isSuccess(res)) throw refusal(res, text);
    return JSON.parse(text) as T;
  }
  const below = (groupVersion: string): string => `${groupVersion.includes('/') ? 'apis' : 'api'}/${groupVersion}`;
  return {
    names: async (gv) => (await read<{ resources: { name: string }[] }>(`/${below(gv)}`, { resources: [] })).resources.map((r) => r.name),
    schemas: async (gv) => (await read<{ components?: { schemas?: object } }>(`/openapi/v3/${below(gv)}`, {})).components?.schemas ?? {},
  } as Discovery;
}

function typed<T extends KubeObject>(resource: Resource<T>, object: T): T {
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
}

function writeQuery(options: WriteOptions = {}): Record<string, string | undefined> {
  return { fieldManager: options.fieldManager, dryRun: options.dryRun ? 'All' : undefined };
}

async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}

function isSuccess(res: IncomingMessage): boolean {
  return res.statusCode !== undefined && res.statusCode >= 200 && res.statusCode < 300;
}

async function textOf(res: IncomingMessage, limit: number): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of res as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limit) throw new ApiError('InternalError', `the API server sent more than ${limit} bytes`);
      parts.push(chunk);
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError('ServiceUnavailable', `the answer of the API server broke off: ${(error as Error).message}`);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Whole lines, as they come in. */
async function* linesOf(res: IncomingMessage): AsyncGenerator<string> {
  let held = '';
  for await (const chunk of res.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (held + chunk).split('\n');
    held = lines.pop()!;
    if (held.length > MAX_EVENT_BYTES) throw new ApiError('InternalError', `an event is larger than ${MAX_EVENT_BYTES} bytes`);
    for (const line of lines) if (line !== '') yield line;
  }
}

function refusal(res: IncomingMessage, text: string): ApiError {
  try {
    const status = JSON.parse(text) as StatusBody;
    if (status.kind === 'Status') return statusError(status);
  } catch {
    // Not a Status: something else than an API server has answered.
  }
  return new ApiError('InternalError', `the server answered ${res.statusCode}: ${text.slice(0, 200)}`);
}

function statusError(status: StatusBody): ApiError {
  return new ApiError(status.reason ?? '', status.message, status.details, { code: status.code });
}
