import { once } from 'node:events';
import { ApiError, hasSubresource, isApiError, isKept, warningOf, type Served } from '../../api/index.ts';
import type { Target, WatchMessage, Written } from '../registry.ts';
import { negotiate } from './accept.ts';
import { decodeBody, decodePatch, readBody } from './body.ts';
import { asApiError, methodNotAllowed, notServed, sendJson, sendObject, sendParts, warn, type Api, type Call } from './call.ts';
import { serveProxy } from './proxy.edge.ts';
import { serveLogs } from './pod-logs.ts';
import { deleteQuery, isWatch, listQuery, text, watchQuery, writeQuery } from './query.ts';
import { line, renderList, renderObject, watchRenderer, type IncludeObject, type View } from './render.ts';
import type { RequestInfo } from './request-info.ts';

export type ResourceInfo = RequestInfo & { type: 'resource' };

/** Answers a request for objects: the verbs, and the parts of objects that are answered without an upgrade. */
export async function serveObjects(api: Api, call: Call, info: ResourceInfo): Promise<void> {
  const method = call.req.method ?? 'GET';
  const served = api.registry.catalog.find(info.group, info.version, info.plural);
  if (!served) throw notServed();
  const target = targetOf(served, info, call);
  if (info.subresource === 'proxy') return serveProxy(api, call, target);
  if (!isKept(served.def) && !takes(served, method, target)) throw methodNotAllowed();
  const warning = warningOf(served);
  if (warning) warn(call, [warning]);
  if (info.group === '' && info.plural === 'pods' && info.subresource === 'log') {
    if (method !== 'GET') throw methodNotAllowed();
    return serveLogs(api, call, target);
  }
  if (['exec', 'attach', 'portforward'].includes(info.subresource ?? '')) throw new ApiError('BadRequest', 'Upgrade request required');

  const representation = negotiate(call.req.headers.accept);
  if (!representation) {
    throw new ApiError('NotAcceptable', 'only the following media types are served: application/json, application/yaml');
  }
  const view: View = {
    served,
    subresource: info.subresource,
    representation,
    includeObject: includeObject(call.url.searchParams),
    now: () => api.clock.now(),
  };
  switch (method) {
    case 'GET':
    case 'HEAD':
      return read(api, call, target, view);
    case 'POST':
    case 'PUT':
    case 'PATCH':
      return write(api, call, target, view, method);
    case 'DELETE':
      return remove(api, call, target, view);
    default:
      throw methodNotAllowed();
  }
}

/** Whether a kind that is not kept knows the verb of a request. */
function takes({ def }: Served, method: string, { name }: Target): boolean {
  const verb = method === 'POST' ? 'create' : method === 'GET' || method === 'HEAD' ? (name === undefined ? 'list' : 'get') : '';
  return def.verbs?.includes(verb) ?? false;
}

/** What a request is about; NotFound when there can be no such thing. */
export function targetOf(served: Served, info: ResourceInfo, call: Pick<Call, 'user'>): Target {
  const { namespaced } = served.def.resource;
  if (!namespaced && info.namespace !== undefined) throw notServed();
  if (namespaced && info.namespace === undefined && info.name !== undefined) throw notServed();
  if (info.subresource !== undefined && !hasSubresource(served, info.subresource)) throw notServed();
  return { served, namespace: info.namespace, name: info.name, subresource: info.subresource, user: call.user };
}

async function read(api: Api, call: Call, target: Target, view: View): Promise<void> {
  const query = call.url.searchParams;
  if (isWatch(query)) return watch(api, call, target, view);
  if (target.name !== undefined) {
    return sendJson(call, 200, renderObject(await api.registry.get(target), view), view.representation);
  }
  return sendParts(api, call, renderList(await api.registry.list(target, listQuery(query)), view), view.representation);
}

async function write(api: Api, call: Call, target: Target, view: View, method: 'POST' | 'PUT' | 'PATCH'): Promise<void> {
  const query = writeQuery(call.url.searchParams, call.req.headers['user-agent']);
  const named = target.name !== undefined;
  if (named ? method === 'POST' && target.subresource === undefined : method !== 'POST') throw methodNotAllowed();
  const contentType = call.req.headers['content-type'];
  const bytes = await readBody(call.req);
  let written: Written;
  if (method === 'PATCH') {
    const { type, body } = decodePatch(bytes, contentType);
    written = await api.registry.patch(target, type, body, query);
  } else {
    const body = bytes.length === 0 && isBodyOptional(target) ? { value: {} } : decodeBody(bytes, contentType);
    written = await (method === 'POST' ? api.registry.create(target, body, query) : api.registry.update(target, body, query));
  }
  const legacy = warningOf(target.served);
  warn(call, legacy && !written.warnings.includes(legacy) ? [legacy, ...written.warnings] : written.warnings);
  sendJson(call, written.created || method === 'POST' ? 201 : 200, renderObject(written, view), view.representation);
}

const isBodyOptional = ({ served, subresource }: Target): boolean =>
  served.def.subresources?.some((s) => s.name === subresource && s.bodyOptional) ?? false;

async function remove(api: Api, call: Call, target: Target, view: View): Promise<void> {
  if (target.subresource !== undefined) throw methodNotAllowed();
  const bytes = await readBody(call.req);
  const body = bytes.length === 0 ? undefined : decodeBody(bytes, call.req.headers['content-type']).value;
  const query = deleteQuery(call.url.searchParams, body);
  if (target.name === undefined) {
    const deleted = await api.registry.deleteCollection(target, listQuery(call.url.searchParams), query);
    return sendParts(api, call, renderList(deleted, view), view.representation);
  }
  const deleted = await api.registry.delete(target, query);
  const legacy = warningOf(target.served);
  warn(call, legacy ? [legacy, ...deleted.warnings] : deleted.warnings);
  if (!deleted.gone) return sendJson(call, 200, renderObject(deleted, view), view.representation);
  const { group, plural } = target.served.def.resource;
  sendObject(call, 200, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name: target.name, ...(group ? { group } : {}), kind: plural, uid: deleted.object.metadata?.uid },
  });
}

/**
 * Streams events, one JSON object a line, until the client goes, its time is over or the server stops. A client that does not
 * read is waited for; what then piles up is the registry's to bound: it ends the watch.
 */
async function watch(api: Api, call: Call, target: Target, view: View): Promise<void> {
  const { res, url } = call;
  const query = watchQuery(url.searchParams);
  const collection: Target = { ...target, name: undefined };
  const one = target.name === undefined ? undefined : `metadata.name=${target.name}`;
  const fieldSelector = [query.fieldSelector, one].filter((s) => s !== undefined).join(',') || undefined;
  const done = new AbortController();
  const end = (): void => done.abort();
  const timer = query.timeout === undefined ? undefined : api.clock.after(query.timeout, end);
  res.once('close', end);
  api.stopping.addEventListener('abort', end, { once: true });
  try {
    await stream(call, api, () => api.registry.watch(collection, { ...query, fieldSelector }, done.signal), view, done.signal);
  } finally {
    timer?.cancel();
    api.stopping.removeEventListener('abort', end);
    if (res.headersSent) res.end();
  }
}

async function stream(call: Call, api: Api, open: () => AsyncIterable<WatchMessage>, view: View, signal: AbortSignal): Promise<void> {
  const { res } = call;
  const begin = (): void => {
    res.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
    res.flushHeaders();
  };
  try {
    const messages = open();
    begin();
    const render = watchRenderer(view);
    for await (const message of messages) {
      if (!res.write(render(message)) && !signal.aborted) await once(res, 'drain', { signal });
    }
  } catch (error) {
    if (signal.aborted) return;
    // A revision that is too old is told as an event, whenever it is found out; other refusals as the answer itself.
    if (!res.headersSent && !isApiError(error, 'Expired')) throw error;
    if (!res.headersSent) begin();
    res.write(line('ERROR', Buffer.from(JSON.stringify(asApiError(error, api.log).body()))));
  }
}

function includeObject(query: URLSearchParams): IncludeObject {
  const value = text(query, 'includeObject');
  if (value === undefined || value === 'Metadata' || value === 'Object' || value === 'None') return value ?? 'Metadata';
  throw new ApiError('BadRequest', `the option includeObject is "${value}": it must be Metadata, Object or None`);
}
