/** OpenAPI v3 documents, one a group and version, as kubectl reads them for `explain`, `apply` and its own validation. */
import { sha256Hex } from '../base/index.ts';
import { partsOf, type Catalog, type Served } from './catalog.ts';
import { groupVersions } from './discovery.ts';
import { isKept, type Schema } from './kind.ts';
import { namingOf } from './kinds/schema/names.ts';
import { apiVersionOf } from './object.ts';

export interface OpenApiDocument {
  /** JSON. */
  readonly text: string;
  /** Changes with the text. */
  readonly hash: string;
}

/** The documents of a catalog. Each is made when first asked for and kept until its group and version change. */
export interface OpenApi {
  /** The body of `/openapi/v3`. */
  index(): object;
  /** By its path below `/openapi/v3/`: `api/v1` or `apis/apps/v1`. */
  document(path: string): OpenApiDocument | undefined;
}

export function openApiOf(catalog: Catalog): OpenApi {
  const made = new Map<string, { document: OpenApiDocument; of: readonly unknown[] }>();
  const document = (path: string): OpenApiDocument | undefined => {
    const gv = groupVersions(catalog).find((g) => pathOfGroup(g) === path);
    if (!gv) return undefined;
    const of = gv.served.map((s) => s.def);
    const known = made.get(path);
    if (known && known.of.length === of.length && of.every((def, i) => def === known.of[i])) return known.document;
    const text = JSON.stringify(documentOf(gv.group, gv.version, gv.served));
    const document = { text, hash: sha256Hex(text, 32).toUpperCase() };
    made.set(path, { document, of });
    return document;
  };
  return {
    document,
    index: () => ({
      paths: Object.fromEntries(
        groupVersions(catalog).map((gv) => {
          const path = pathOfGroup(gv);
          return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${document(path)!.hash}` }];
        }),
      ),
    }),
  };
}

function pathOfGroup(gv: { group: string; version: string }): string {
  return gv.group ? `apis/${gv.group}/${gv.version}` : `api/${gv.version}`;
}

function documentOf(group: string, version: string, served: readonly Served[]): object {
  const components = new Components();
  const paths: Record<string, object> = {};
  for (const kind of served) addPaths(paths, kind, components);
  return {
    openapi: '3.0.0',
    info: { title: `Sluice ${apiVersionOf({ group, version })}`, version: 'v1.35.2' },
    paths,
    components: { schemas: components.schemas },
  };
}

/** Named schemas of a document, each written out once. */
class Components {
  readonly schemas: Record<string, object> = {};

  /** Adds a schema under its own name, or `name`, with `extra` beside its fields, and returns the reference. */
  add(schema: Schema, name: string, extra: object = {}): object {
    if (!(name in this.schemas)) {
      // Set before its fields are written, so that the order is stable and nothing is written twice.
      this.schemas[name] = {};
      this.schemas[name] = { ...this.write(schema), ...extra };
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  private refer(schema: Schema): object {
    const naming = namingOf(schema);
    if (!naming) return this.write(schema);
    const ref = this.add(naming.base, naming.name);
    return Object.keys(naming.beside).length ? { allOf: [ref], ...naming.beside } : ref;
  }

  private write(schema: Schema): object {
    const out: Record<string, unknown> = { ...schema };
    if (schema.properties) {
      out.properties = Object.fromEntries(Object.entries(schema.properties).map(([name, field]) => [name, this.refer(field)]));
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
  const ref = components.add(schema, namingOf(schema)?.name ?? defaultName(served), { 'x-kubernetes-group-version-kind': [type] });
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
