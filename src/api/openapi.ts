/** OpenAPI v3 documents, one a group and version, as kubectl reads them for `explain`, `apply` and its own validation. */
import { sha256Hex } from '../base/index.ts';
import { partsOf, type Catalog, type Served } from './catalog.ts';
import { groupVersions } from './discovery.ts';
import { isKept, type Schema } from './kind.ts';
import { namingOf } from './kinds/schema/names.ts';
import { readWords, type Words } from './kinds/schema/words.edge.ts';
import { saidOf, saidOfObjects } from './kinds/schema/words.ts';
import { apiVersionOf } from './object.ts';

export interface OpenApiDocument {
  /** JSON. */
  readonly text: string;
  /** Changes with the text. */
  readonly hash: string;
}

/** The documents of a catalog. They are long: each is written when it is asked for, and only its hash is kept. */
export interface OpenApi {
  /** The body of `/openapi/v3`. */
  index(): object;
  /** By its path below `/openapi/v3/`: `api/v1` or `apis/apps/v1`. */
  document(path: string): OpenApiDocument | undefined;
}

export function openApiOf(catalog: Catalog): OpenApi {
  const hashes = new Map<string, { hash: string; of: readonly unknown[] }>();
  const keep = (path: string, served: readonly Served[], text: string): string => {
    const hash = sha256Hex(text, 32).toUpperCase();
    hashes.set(path, { hash, of: served.map((s) => s.def) });
    return hash;
  };
  const known = (path: string, served: readonly Served[]): string | undefined => {
    const kept = hashes.get(path);
    return kept?.of.length === served.length && served.every((s, i) => s.def === kept.of[i]) ? kept.hash : undefined;
  };
  return {
    document(path) {
      const gv = groupVersions(catalog).find((g) => pathOfGroup(g) === path);
      if (!gv) return undefined;
      const text = JSON.stringify(documentOf(gv, readWords()));
      return { text, hash: known(path, gv.served) ?? keep(path, gv.served, text) };
    },
    index() {
      let words: Words | undefined;
      const hashOf = (path: string, gv: GroupVersion): string =>
        known(path, gv.served) ?? keep(path, gv.served, JSON.stringify(documentOf(gv, (words ??= readWords()))));
      const paths = groupVersions(catalog).map((gv) => {
        const path = pathOfGroup(gv);
        return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hashOf(path, gv)}` }];
      });
      return { paths: Object.fromEntries(paths) };
    },
  };
}

type GroupVersion = ReturnType<typeof groupVersions>[number];

function pathOfGroup(gv: { group: string; version: string }): string {
  return gv.group ? `apis/${gv.group}/${gv.version}` : `api/${gv.version}`;
}

function documentOf({ group, version, served }: GroupVersion, words: Words): object {
  const components = new Components(words);
  const paths: Record<string, object> = {};
  for (const kind of served) addPaths(paths, kind, components);
  return {
    openapi: '3.0.0',
    info: { title: `Sluice ${apiVersionOf({ group, version })}`, version: 'v1.35.2' },
    paths,
    components: { schemas: components.schemas },
  };
}

/** Words by field. */
type Said = Readonly<Record<string, string>>;

/** Named schemas of a document, each written out once. */
class Components {
  readonly schemas: Record<string, object> = {};
  readonly words: Words;

  constructor(words: Words) {
    this.words = words;
  }

  /** Adds a schema under a name, with `extra` beside its fields, and returns the reference; `said` of it when nothing else is known. */
  add(schema: Schema, name: string, extra: object = {}, said: Said = {}): object {
    if (!(name in this.schemas)) {
      // Set before its fields are written, so that the order is stable and nothing is written twice.
      this.schemas[name] = {};
      this.schemas[name] = { ...this.write(schema, saidOf(this.words, name) ?? said), ...extra };
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  private refer(schema: Schema, description?: string): object {
    const naming = namingOf(schema);
    const said = description ? { description } : {};
    if (!naming) return { ...said, ...this.write(schema) };
    const ref = this.add(naming.base, naming.name);
    const beside = { ...said, ...naming.beside };
    return Object.keys(beside).length ? { allOf: [ref], ...beside } : ref;
  }

  /** `said` are the words for its fields, and for itself under `''`. */
  private write(schema: Schema, said: Said = {}): object {
    const out: Record<string, unknown> = { ...(said[''] ? { description: said[''] } : {}), ...schema };
    if (schema.properties) {
      out.properties = Object.fromEntries(Object.entries(schema.properties).map(([name, field]) => [name, this.refer(field, said[name])]));
    }
    if (schema.items) out.items = this.refer(schema.items);
    if (typeof schema.additionalProperties === 'object') out.additionalProperties = this.refer(schema.additionalProperties);
    if (schema['x-kubernetes-int-or-string'] && !schema.oneOf && !schema.anyOf) {
      out.format = 'int-or-string';
      out.oneOf = [{ type: 'integer' }, { type: 'string' }];
    }
    return out;
  }
}

/** `com.example.v1.Widget` for kinds that bring no name of their own. */
function defaultName(served: Served): string {
  return [...served.group.split('.').reverse(), served.version, served.def.resource.kind].filter(Boolean).join('.');
}

const parameter = (name: string, type: string): object => ({ name, in: 'query', schema: { type, uniqueItems: true } });
const pathParameter = (name: string): object => ({ name, in: 'path', required: true, schema: { type: 'string', uniqueItems: true } });

const WRITE = [parameter('dryRun', 'string'), parameter('fieldManager', 'string'), parameter('fieldValidation', 'string')];
const PATCH = [...WRITE, parameter('force', 'boolean')];
const DELETE = [
  parameter('dryRun', 'string'),
  parameter('gracePeriodSeconds', 'integer'),
  parameter('orphanDependents', 'boolean'),
  parameter('propagationPolicy', 'string'),
];
const LIST = [
  parameter('allowWatchBookmarks', 'boolean'),
  parameter('continue', 'string'),
  parameter('fieldSelector', 'string'),
  parameter('labelSelector', 'string'),
  parameter('limit', 'integer'),
  parameter('resourceVersion', 'string'),
  parameter('resourceVersionMatch', 'string'),
  parameter('sendInitialEvents', 'boolean'),
  parameter('timeoutSeconds', 'integer'),
  parameter('watch', 'boolean'),
];

const PATCH_TYPES = ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json'];

function addPaths(paths: Record<string, object>, served: Served, components: Components): void {
  const { def, group, version } = served;
  const { plural, kind, namespaced } = def.resource;
  const type = { group, version, kind };
  const schema = served.legacy?.schema ?? def.schema;
  const ref = components.add(
    schema,
    namingOf(schema)?.name ?? defaultName(served),
    { 'x-kubernetes-group-version-kind': [type] },
    saidOfObjects(components.words),
  );
  const patchTypes = def.custom ? PATCH_TYPES : [...PATCH_TYPES, 'application/strategic-merge-patch+json'];

  const answer = (body: object): object => ({ 200: { description: 'OK', content: { 'application/json': { schema: body } } } });
  const operation = (action: string, parameters: object[], body?: object): object => ({
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': type,
    parameters,
    ...(body ? { requestBody: { content: body } } : {}),
    responses: answer(action === 'list' ? { type: 'object' } : ref),
  });
  const whole = { 'application/json': { schema: ref }, 'application/yaml': { schema: ref } };
  const patch = operation('patch', PATCH, Object.fromEntries(patchTypes.map((t) => [t, { schema: { type: 'object' } }])));
  const put = operation('put', WRITE, whole);
  const get = operation('get', []);

  const root = `/${pathOfGroup(served)}`;
  const collection = namespaced ? `${root}/namespaces/{namespace}/${plural}` : `${root}/${plural}`;
  const inPath = namespaced ? [pathParameter('namespace')] : [];
  const named = [pathParameter('name'), ...inPath];
  const can = (verb: string): boolean => def.verbs?.includes(verb) ?? true;
  if (namespaced && can('list')) paths[`${root}/${plural}`] = { get: operation('list', LIST) };
  if (!isKept(def)) {
    const list = can('list') ? { get: operation('list', LIST) } : {};
    const post = can('create') ? { post: operation('post', WRITE, whole) } : {};
    paths[collection] = { parameters: inPath, ...list, ...post };
    if (can('get')) paths[`${collection}/{name}`] = { parameters: named, get };
    return;
  }
  paths[collection] = {
    parameters: inPath,
    get: operation('list', LIST),
    post: operation('post', WRITE, whole),
    delete: operation('deletecollection', [...DELETE, ...LIST]),
  };
  paths[`${collection}/{name}`] = { parameters: named, get, put, patch, delete: operation('delete', DELETE) };
  if (partsOf(served).status) paths[`${collection}/{name}/status`] = { parameters: named, get, put, patch };
}
