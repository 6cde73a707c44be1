import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readWords } from './kinds/schema/words.edge.ts';
import { apiGroup, apiGroupList, apiResourceList, coreDiscovery, createCatalog, groupsDiscovery, kindOfCrd, openApiOf } from './index.ts';

const catalog = createCatalog();

interface Discovered {
  items: { metadata: { name?: string }; versions: { version: string; resources: DiscoveredResource[] }[] }[];
}
interface DiscoveredResource {
  resource: string;
  responseKind: object;
  scope: string;
  verbs: string[];
  shortNames?: string[];
  categories?: string[];
  subresources?: { subresource: string; responseKind: object }[];
}

test('aggregated discovery names the kinds and subresources that kubectl looks for', () => {
  const [core] = (coreDiscovery(catalog) as Discovered).items;
  const pods = core!.versions[0]!.resources.find((r) => r.resource === 'pods')!;
  assert.equal(pods.scope, 'Namespaced');
  assert.deepEqual(pods.shortNames, ['po']);
  assert.deepEqual(pods.categories, ['all']);
  assert.deepEqual(
    pods.subresources!.map((s) => s.subresource),
    ['attach', 'binding', 'ephemeralcontainers', 'eviction', 'exec', 'log', 'portforward', 'proxy', 'resize', 'status'],
  );
  assert.deepEqual(pods.subresources!.find((s) => s.subresource === 'eviction')!.responseKind, {
    group: 'policy',
    version: 'v1',
    kind: 'Eviction',
  });

  const groups = (groupsDiscovery(catalog) as Discovered).items;
  const apps = groups.find((g) => g.metadata.name === 'apps')!.versions[0]!.resources;
  const scale = apps.find((r) => r.resource === 'deployments')!.subresources!.find((s) => s.subresource === 'scale')!;
  assert.deepEqual(scale.responseKind, { group: 'autoscaling', version: 'v1', kind: 'Scale' });
  const versionsOf = (name: string): string[] => groups.find((g) => g.metadata.name === name)!.versions.map((v) => v.version);
  assert.deepEqual(versionsOf('networking.istio.io'), ['v1', 'v1beta1', 'v1alpha3']);
  assert.deepEqual(versionsOf('autoscaling'), ['v2', 'v1', 'v2beta2', 'v2beta1']);
});

test('plain discovery says the same, a group at a time', () => {
  const { groups } = apiGroupList(catalog) as { groups: { name: string; preferredVersion: { version: string } }[] };
  assert.ok(!groups.some((g) => g.name === ''));
  assert.equal(groups.at(-1)!.name, 'extensions', 'an Ingress is that of networking.k8s.io to who asks for none in particular');
  assert.equal(groups.find((g) => g.name === 'flagger.app')!.preferredVersion.version, 'v1beta1');
  assert.equal(apiGroup(catalog, 'nowhere.example'), undefined);
  assert.equal(apiResourceList(catalog, 'apps', 'v2'), undefined);
  const { resources } = apiResourceList(catalog, '', 'v1') as { resources: { name: string; group?: string; kind: string }[] };
  assert.deepEqual(
    resources.filter((r) => r.name.startsWith('pods/ev')).map(({ name, group, kind }) => ({ name, group, kind })),
    [{ name: 'pods/eviction', group: 'policy', kind: 'Eviction' }],
  );
});

interface Document {
  paths: Record<string, { patch?: Operation; parameters?: { name: string }[] }>;
  components: { schemas: Record<string, { 'x-kubernetes-group-version-kind'?: object[]; properties?: Record<string, object> }> };
}
interface Described {
  description?: string;
  properties?: Record<string, Described>;
}
interface Operation {
  parameters: { name: string }[];
  requestBody: { content: object };
  'x-kubernetes-group-version-kind': object;
}

const openApi = openApiOf(catalog);
const read = (path: string): Document => JSON.parse(openApi.document(path)!.text) as Document;

test('every document refers only to what it holds, and names the kinds of its operations', () => {
  const { paths } = openApi.index() as { paths: Record<string, { serverRelativeURL: string }> };
  assert.ok(Object.keys(paths).length > 15);
  for (const [path, { serverRelativeURL }] of Object.entries(paths)) {
    const { text, hash } = openApi.document(path)!;
    assert.equal(serverRelativeURL, `/openapi/v3/${path}?hash=${hash}`);
    const document = JSON.parse(text) as Document;
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g))
      assert.ok(document.components.schemas[name!], `${path}: ${name}`);
    const kinds = Object.values(document.components.schemas).flatMap((s) => s['x-kubernetes-group-version-kind'] ?? []);
    for (const { patch } of Object.values(document.paths)) {
      if (!patch) continue;
      assert.ok(kinds.some((k) => JSON.stringify(k) === JSON.stringify(patch['x-kubernetes-group-version-kind'])));
      for (const name of ['fieldValidation', 'dryRun', 'fieldManager', 'force'])
        assert.ok(
          patch.parameters.some((p) => p.name === name),
          name,
        );
    }
  }
});

test('built-in kinds take strategic merge patches, with their merge keys; others do not', () => {
  const apps = read('apis/apps/v1');
  const patch = apps.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']!.patch!;
  assert.ok('application/strategic-merge-patch+json' in patch.requestBody.content);
  const { containers } = apps.components.schemas['io.k8s.api.core.v1.PodSpec']!.properties as Record<string, Record<string, unknown>>;
  assert.equal(containers!['x-kubernetes-patch-merge-key'], 'name');
  assert.equal(containers!['x-kubernetes-list-type'], 'map');
  const canaries = read('apis/flagger.app/v1beta1').paths['/apis/flagger.app/v1beta1/namespaces/{namespace}/canaries/{name}']!.patch!;
  assert.ok(!('application/strategic-merge-patch+json' in canaries.requestBody.content));
});

/** What the real server says nothing of. */
const UNSAID: Readonly<Record<string, readonly string[]>> = {
  'io.k8s.api.certificates.v1.CertificateSigningRequest': ['metadata'],
  'io.k8s.api.networking.v1.IngressRule': ['http'],
};
/** It holds schemas of its own kind: it is served without its fields. */
const RECURSIVE = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';

test("Kubernetes' own messages have the fields that the real server has words for, and say them", () => {
  const words = readWords();
  const served = new Map<string, Described>();
  for (const path of Object.keys((openApi.index() as Pick<Document, 'paths'>).paths))
    for (const [name, schema] of Object.entries(read(path).components.schemas)) served.set(name, schema);
  for (const [name, { '': own, ...said }] of Object.entries(words)) {
    const { description, properties = {} } = served.get(name) ?? {};
    assert.equal(description, own, name);
    if (name === RECURSIVE) continue;
    const unsaid = (UNSAID[name] ?? []).map((field) => [field, undefined]);
    const found = Object.entries(properties).map(([field, schema]) => [field, schema.description]);
    assert.deepEqual(Object.fromEntries(found), { ...said, ...Object.fromEntries(unsaid) }, name);
  }
});

test('old versions say what the ones that followed them say', () => {
  const { template } = read('apis/extensions/v1beta1').components.schemas['io.k8s.api.extensions.v1beta1.DeploymentSpec']!.properties!;
  assert.match((template as Described).description!, /^Template describes the pods that will be created/);
});

test('a new kind changes the document of its group and no other', () => {
  const own = createCatalog();
  const documents = openApiOf(own);
  const apps = documents.document('apis/apps/v1')!;
  assert.equal(documents.document('apis/example.com/v1'), undefined);
  const widget = (description: string): ReturnType<typeof kindOfCrd> =>
    kindOfCrd({
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'widgets', kind: 'Widget' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', description } } }],
      },
    });
  own.add(widget('one')!);
  const first = documents.document('apis/example.com/v1')!;
  const { description, properties } = JSON.parse(first.text).components.schemas['com.example.v1.Widget'];
  assert.equal(description, 'one');
  assert.match(properties.metadata.description, /^Standard object's metadata/);
  assert.deepEqual(documents.document('apis/example.com/v1'), first);
  own.add(widget('two')!);
  assert.notEqual(documents.document('apis/example.com/v1')!.hash, first.hash);
  assert.deepEqual(documents.document('apis/apps/v1'), apps);
});
