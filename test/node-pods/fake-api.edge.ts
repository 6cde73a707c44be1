/** The fake API over HTTP on a Unix socket: enough of the protocol for the agent's client. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import * as resources from '../../src/api/resources.ts';
import { ApiError, type KubeObject, type Resource } from '../../src/api/index.ts';
import type { DeleteOptions, Patch } from '../../src/control/index.ts';
import type { FakeClient } from '../../src/control/testing.ts';

const PATCHES: Record<string, Patch['type']> = { 'application/merge-patch+json': 'merge', 'application/json-patch+json': 'json' };

export function serveFakeApi(client: FakeClient, socketPath: string): Server {
  const server = createServer((req, res) => {
    answer(client, req, res).catch((error: unknown) => {
      const fault = error instanceof ApiError ? error : new ApiError('InternalError', String(error));
      if (!res.headersSent) res.writeHead(fault.code, { 'content-type': 'application/json' });
      res.end(JSON.stringify(fault.body()));
    });
  });
  return server.listen(socketPath);
}

async function answer(client: FakeClient, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const url = new URL(req.url ?? '/', 'http://api');
  const parts = url.pathname.split('/').filter(Boolean);
  const group = parts[0] === 'api' ? '' : parts[1]!;
  const rest = parts.slice(group === '' ? 2 : 3);
  const namespaced = rest[0] === 'namespaces' && rest.length > 2;
  const [plural, name, subresource] = namespaced ? rest.slice(2) : rest;
  const resource = Object.values(resources).find((r) => r.group === group && r.plural === plural) as Resource | undefined;
  if (!resource) throw new ApiError('NotFound', `no such resource: ${url.pathname}`);
  const key = { namespace: namespaced ? rest[1] : undefined, name: name ?? '' };
  const send = (body: unknown): void => {
    res.writeHead(200, { 'content-type': 'application/json' });
    res.end(JSON.stringify(body));
  };
  switch (req.method) {
    case 'GET': {
      if (name) return send(required(await client.get(resource, key), key.name));
      if (url.searchParams.get('watch')) return watch(client, resource, url.searchParams.get('resourceVersion')!, res);
      const { items, resourceVersion } = await client.list(resource);
      return send({ items, metadata: { resourceVersion } });
    }
    case 'POST':
      if (subresource === 'token') return send(tokenFor(key, (await json(req)) as KubeObject));
      return send(await client.create(resource, (await json(req)) as KubeObject));
    case 'PATCH': {
      const patch = { type: PATCHES[req.headers['content-type']!]!, body: await json(req) } as Patch;
      return send(await client.patch(resource, key, patch, { subresource: subresource as 'status' | undefined }));
    }
    case 'DELETE':
      return send(required(await client.delete(resource, key, (await json(req)) as DeleteOptions), key.name));
  }
}

/** A TokenRequest granted: the token says whose it is. */
function tokenFor(key: { namespace: string | undefined; name: string }, request: KubeObject): unknown {
  const status = { token: `token of ${key.namespace}/${key.name}`, expirationTimestamp: new Date(Date.now() + 3_600_000).toISOString() };
  return { ...request, status };
}

function required<T>(object: T | undefined, name: string): T {
  if (!object) throw new ApiError('NotFound', `"${name}" not found`);
  return object;
}

async function watch(client: FakeClient, resource: Resource, resourceVersion: string, res: ServerResponse): Promise<void> {
  const gone = new AbortController();
  res.once('close', () => gone.abort());
  res.writeHead(200, { 'content-type': 'application/json' });
  res.flushHeaders();
  for await (const event of client.watch(resource, { resourceVersion, signal: gone.signal })) {
    const object = event.type === 'BOOKMARK' ? { metadata: { resourceVersion: event.resourceVersion } } : event.object;
    res.write(`${JSON.stringify({ type: event.type, object })}\n`);
  }
  res.end();
}
