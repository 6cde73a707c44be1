/** Requests: mostly ones that a client might send, with something wrong in them. */
import { apiVersionOf, pathOf, type AnyObject } from '../../src/api/index.ts';
import { below, toYaml, type Rng } from '../../src/base/index.ts';
import type { RawRequest } from '../support/raw-http.ts';
import { anyName, anyNumber, anyString, chance, FUZZ_NAMESPACES, NAMES, oddValue, oneOf, weighted } from './choice.ts';
import { mutateBytes, mutateText, mutateValue } from './mutate.ts';
import { anyKind, anyObject, type Kind } from './objects.ts';
import { anyPatch } from './patches.ts';
import { protobufOf } from './protobuf.ts';

export function anyRequest(rng: Rng): RawRequest {
  const request = anyOf(rng);
  return chance(rng, 0.05) ? { ...request, headers: { ...request.headers, ...credentials(rng) } } : request;
}

/** Says who sends a request, or whom they want to be taken for. */
function credentials(rng: Rng): Record<string, string> {
  const text = headerText(anyString(rng));
  return oneOf<Record<string, string>>(rng, [
    { authorization: `Bearer ${text}` },
    { authorization: headerText(mutateText(rng, 'Bearer eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.')) },
    { 'impersonate-user': text },
    { 'impersonate-user': 'jane', 'impersonate-group': text },
    { 'impersonate-user': 'system:serviceaccount:default:default', 'impersonate-uid': text },
    { 'impersonate-user': 'jane', 'impersonate-extra-%zz': text, 'impersonate-extra-a': 'b' },
    { 'impersonate-group': 'system:masters' },
  ]);
}

function anyOf(rng: Rng): RawRequest {
  return weighted<(rng: Rng) => RawRequest>(rng, [
    [30, write],
    [24, patch],
    [8, remove],
    [20, read],
    [5, watch],
    [5, document],
    [4, part],
    [4, review],
  ])(rng);
}

function place({ resource }: Kind, rng: Rng, name: string | undefined): string {
  const namespace = chance(rng, 0.95) ? oneOf(rng, FUZZ_NAMESPACES) : undefined;
  const path = pathOf(resource, {
    ...(resource.namespaced && (namespace !== undefined || name !== undefined) ? { namespace: namespace ?? 'default' } : {}),
    ...(name === undefined ? {} : { name }),
  });
  return chance(rng, 0.03) ? damaged(rng, path) : path;
}

/** What can be sent in a request line. */
const line = (text: string): string => text.toWellFormed().replace(/[^\x21-\x7e]|#/gu, encodeURIComponent);
const headerText = (text: string): string => text.replace(/[^\x20-\x7e]/g, '');

function damaged(rng: Rng, path: string): string {
  const parts = path.split('/');
  switch (below(rng, 4)) {
    case 0:
      parts[below(rng, parts.length)] = line(anyString(rng));
      break;
    case 1:
      parts.splice(below(rng, parts.length), 1);
      break;
    case 2:
      parts.push(oneOf(rng, ['status', 'scale', 'finalize', 'eviction', 'log', 'exec', 'proxy', 'x', '%', '%zz', '%00', '..', '']));
      break;
    default:
      return `/${line(mutateText(rng, path.slice(1)))}`;
  }
  return `/${parts.join('/').replace(/^\/+/, '')}`;
}

function query(rng: Rng, options: Readonly<Record<string, () => unknown>>, share = 0.3): string {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(options)) {
    if (chance(rng, share)) q.append(name, String(chance(rng, 0.03) ? anyString(rng) : value()).toWellFormed());
    if (chance(rng, 0.01)) q.append(name, '');
  }
  return q.size > 0 ? `?${chance(rng, 0.02) ? line(mutateText(rng, q.toString())) : q.toString()}` : '';
}

const ACCEPT = [
  'application/json',
  'application/yaml',
  '*/*',
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
  'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
  'application/vnd.kubernetes.protobuf,application/json',
  'application/vnd.kubernetes.protobuf',
  'text/html',
  ';;=,',
  '',
] as const;

function accept(rng: Rng): Record<string, string> {
  if (chance(rng, 0.85)) return {};
  return { accept: chance(rng, 0.1) ? headerText(mutateText(rng, oneOf(rng, ACCEPT))) : oneOf(rng, ACCEPT) };
}

function writeOptions(rng: Rng): string {
  return query(rng, {
    fieldManager: () => oneOf(rng, NAMES),
    fieldValidation: () => oneOf(rng, ['Strict', 'Warn', 'Ignore']),
    dryRun: () => 'All',
    force: () => chance(rng, 0.8),
    pretty: () => true,
  });
}

/** An object as a body, in one of the three languages; now and then damaged, now and then not what its header says. */
function body(rng: Rng, object: AnyObject): Pick<RawRequest, 'body' | 'headers'> {
  const value = chance(rng, 0.35) ? mutateValue(rng, object) : object;
  const type = weighted(rng, [
    [5, 'application/json'],
    [2, 'application/yaml'],
    [3, 'application/vnd.kubernetes.protobuf'],
  ]);
  let bytes: string | Uint8Array;
  if (type === 'application/json') bytes = JSON.stringify(value) ?? '';
  else if (type === 'application/yaml') bytes = toYaml(value);
  else bytes = protobufOf(object) ?? '';
  if (chance(rng, 0.2)) bytes = typeof bytes === 'string' ? mutateText(rng, bytes) : mutateBytes(rng, bytes);
  const told = chance(rng, 0.03)
    ? oneOf(rng, ['', 'text/plain', 'application/cbor', 'application/json; charset=utf-16', 'application/yaml'])
    : type;
  return { body: bytes, headers: { ...accept(rng), 'content-type': told } };
}

function write(rng: Rng): RawRequest {
  const { def, object } = anyObject(rng);
  const update = chance(rng, 0.35);
  if (!update && chance(rng, 0.03)) object.metadata = { generateName: oneOf(rng, NAMES) };
  if (update && chance(rng, 0.1)) object.metadata = { ...object.metadata, resourceVersion: String(anyNumber(rng)) };
  const path = place(def, rng, update ? String(object.metadata?.name) : undefined);
  const subresource = update && chance(rng, 0.15) ? `/${oneOf(rng, ['status', 'scale', 'finalize'])}` : '';
  return { method: update ? 'PUT' : 'POST', path: path + subresource + writeOptions(rng), ...body(rng, object) };
}

function patch(rng: Rng): RawRequest {
  const { def, object } = anyObject(rng);
  const { contentType, text } = anyPatch(rng, object);
  const subresource = chance(rng, 0.1) ? `/${oneOf(rng, ['status', 'scale'])}` : '';
  const options = writeOptions(rng);
  const manager = contentType.endsWith('yaml') && !options.includes('fieldManager') ? `${options ? '&' : '?'}fieldManager=fuzz` : '';
  return {
    method: 'PATCH',
    path: place(def, rng, String(object.metadata?.name)) + subresource + options + manager,
    body: chance(rng, 0.1) ? mutateText(rng, text) : text,
    headers: { ...accept(rng), 'content-type': contentType },
  };
}

function remove(rng: Rng): RawRequest {
  const def = anyKind(rng);
  const options = {
    kind: 'DeleteOptions',
    apiVersion: chance(rng, 0.5) ? 'v1' : apiVersionOf(def.resource),
    propagationPolicy: oneOf(rng, ['Background', 'Foreground', 'Orphan', undefined]),
    gracePeriodSeconds: chance(rng, 0.3) ? anyNumber(rng) : undefined,
    preconditions: chance(rng, 0.2) ? { uid: anyString(rng), resourceVersion: '1' } : undefined,
  };
  const q = query(
    rng,
    { propagationPolicy: () => 'Orphan', gracePeriodSeconds: () => 0, dryRun: () => 'All', orphanDependents: () => true },
    0.1,
  );
  const path = place(def, rng, chance(rng, 0.97) ? anyName(rng) : undefined) + q;
  if (chance(rng, 0.5)) return { method: 'DELETE', path };
  return { method: 'DELETE', path, ...body(rng, options) };
}

const LABELS = [
  'app=web',
  'app!=a',
  'app in (a,b)',
  'app notin (web),x',
  '!app',
  'a/b=c',
  '',
  'app==',
  'app in ()',
  'app>1',
  ',,',
  '=',
  '((((',
] as const;
const FIELDS = [
  'metadata.name=a',
  'metadata.namespace=default',
  'spec.nodeName=x,status.phase!=Failed',
  'involvedObject.name=a',
  'type=x',
  'a\\,b=c',
  '=',
  'metadata.name',
] as const;

const selector = (rng: Rng, known: readonly string[]): string =>
  chance(rng, 0.4) ? mutateText(rng, oneOf(rng, known)) : oneOf(rng, known);

const selection = (rng: Rng): Record<string, () => unknown> => ({
  labelSelector: () => selector(rng, LABELS),
  fieldSelector: () => selector(rng, FIELDS),
  resourceVersion: () => oneOf<unknown>(rng, ['', '0', '1', below(rng, 100_000), '99999999', '-1']),
  resourceVersionMatch: () => oneOf(rng, ['Exact', 'NotOlderThan', 'Best']),
});

function read(rng: Rng): RawRequest {
  const def = anyKind(rng);
  const one = chance(rng, 0.3);
  const token = (): string =>
    Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: anyNumber(rng), start: anyString(rng) })).toString('base64url');
  const q = query(
    rng,
    {
      ...selection(rng),
      limit: () => below(rng, 4),
      continue: () => (chance(rng, 0.5) ? mutateText(rng, token()) : token()),
      includeObject: () => oneOf(rng, ['None', 'Metadata', 'Object']),
      pretty: () => true,
    },
    0.25,
  );
  return { method: chance(rng, 0.95) ? 'GET' : 'HEAD', path: place(def, rng, one ? anyName(rng) : undefined) + q, headers: accept(rng) };
}

function watch(rng: Rng): RawRequest {
  const q = query(rng, {
    ...selection(rng),
    allowWatchBookmarks: () => true,
    sendInitialEvents: () => true,
    timeoutSeconds: () => oneOf<unknown>(rng, [1, 0, 99_999_999_999]),
    timeout: () => oneOf(rng, ['1s', '0', '-1s', '9999999h']),
  });
  const path = place(anyKind(rng), rng, chance(rng, 0.2) ? anyName(rng) : undefined);
  return { method: 'GET', path: `${path}${q || '?'}&watch=1`, headers: accept(rng), cutMs: 5 + below(rng, 30) };
}

const DOCUMENTS = [
  '/',
  '/api',
  '/apis',
  '/api/v1',
  '/apis/apps',
  '/apis/apps/v1',
  '/apis/x.example/v1',
  '/openapi/v3',
  '/openapi/v3/api/v1',
  '/openapi/v3/apis/apps/v1?hash=x',
  '/version',
  '/healthz',
  '/livez/ping',
  '/readyz?verbose',
  '/metrics',
  '/openid/v1/jwks',
] as const;

function document(rng: Rng): RawRequest {
  const path = oneOf(rng, DOCUMENTS);
  return {
    method: chance(rng, 0.9) ? 'GET' : oneOf(rng, ['POST', 'OPTIONS', 'PUT', 'TRACE', 'DELETE', 'PROPFIND']),
    path: chance(rng, 0.5) ? damaged(rng, path) : path,
    headers: chance(rng, 0.3)
      ? { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList', 'if-none-match': '"x"' }
      : accept(rng),
  };
}

/** Parts of pods and of what is scaled. */
function part(rng: Rng): RawRequest {
  const name = oneOf(rng, ['fuzzed', 'fuzzed', 'a', 'x']);
  const path = `/api/v1/namespaces/default/pods/${name}/${oneOf(rng, ['log', 'log', 'exec', 'attach', 'portforward', 'eviction', 'binding', 'proxy/x', 'status'])}`;
  const q = query(rng, {
    container: () => oneOf(rng, ['app', 'x']),
    follow: () => false,
    tailLines: () => anyNumber(rng),
    sinceSeconds: () => anyNumber(rng),
    sinceTime: () => '2026-01-01T00:00:00Z',
    limitBytes: () => anyNumber(rng),
    previous: () => true,
    timestamps: () => true,
  });
  if (!path.endsWith('eviction')) return { method: 'GET', path: path + q, headers: accept(rng) };
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name }, deleteOptions: { gracePeriodSeconds: 0 } };
  return { method: 'POST', path: `${path}?dryRun=All`, ...body(rng, eviction) };
}

const REVIEWS = [
  ['/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', 'SelfSubjectAccessReview'],
  ['/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', 'SelfSubjectRulesReview'],
  ['/apis/authorization.k8s.io/v1/subjectaccessreviews', 'SubjectAccessReview'],
  ['/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews', 'LocalSubjectAccessReview'],
  ['/apis/authentication.k8s.io/v1/selfsubjectreviews', 'SelfSubjectReview'],
  ['/apis/authentication.k8s.io/v1/tokenreviews', 'TokenReview'],
  ['/api/v1/namespaces/default/serviceaccounts/default/token', 'TokenRequest'],
] as const;

function review(rng: Rng): RawRequest {
  const [path, kind] = oneOf(rng, REVIEWS);
  const group = path.endsWith('token') ? 'authentication.k8s.io' : path.split('/')[2];
  const spec = oneOf<unknown>(rng, [
    { resourceAttributes: { verb: 'get', resource: 'pods', namespace: 'default' } },
    { user: anyName(rng), groups: ['a'], resourceAttributes: { verb: '*', group: '*', resource: '*', namespace: 'default' } },
    { expirationSeconds: anyNumber(rng), boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'fuzzed' } },
    { nonResourceAttributes: { path: '/healthz', verb: 'get' } },
    { namespace: 'default' },
    { token: 'x', audiences: ['api'] },
    oddValue(rng),
  ]);
  return {
    method: 'POST',
    path,
    ...body(rng, { apiVersion: `${group}/v1`, kind, spec }),
  };
}
