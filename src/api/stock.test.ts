import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coreDiscovery, createCatalog, groupsDiscovery } from './index.ts';
import { STOCK } from './stock.fixture.ts';

interface Discovered {
  items: { metadata: { name?: string }; versions: { version: string; resources: Found[] }[] }[];
}
interface Found {
  resource: string;
  responseKind: { kind: string };
  scope: string;
  verbs: string[];
  shortNames?: string[];
  categories?: string[];
  subresources?: { subresource: string }[];
}

const catalog = createCatalog();
const found = new Map<string, Found>();
for (const { items } of [coreDiscovery(catalog), groupsDiscovery(catalog)] as Discovered[]) {
  for (const { metadata, versions } of items) {
    for (const { version, resources } of versions) {
      for (const one of resources) found.set(`${metadata.name ? `${metadata.name}/` : ''}${version} ${one.resource}`, one);
    }
  }
}

for (const [version, plural, kind, scope, shortNames, categories, verbs, subresources] of STOCK) {
  test(`${version} ${plural} is listed as the real server lists it`, () => {
    const own = found.get(`${version} ${plural}`);
    assert.ok(own, 'it is not served');
    assert.deepEqual(
      {
        kind: own.responseKind.kind,
        scope: own.scope,
        shortNames: own.shortNames?.join(' ') ?? '',
        categories: own.categories?.join(' ') ?? '',
        verbs: own.verbs.toSorted().join(' '),
        subresources: own.subresources?.map((s) => s.subresource).join(' ') ?? '',
      },
      { kind, scope, shortNames, categories, verbs, subresources },
    );
  });
}
