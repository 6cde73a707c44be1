/** Whatever is missing of an object, nothing throws, and what is missing is said. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCatalog, type KubeObject, type Schema } from '../api/index.ts';
import { allFieldCases } from './field-cases.fixture.ts';
import { goldenCases, translate, type Setting } from './golden.fixture.ts';
import { without } from './schema-fields.fixture.ts';

interface Sample {
  readonly setting: Setting;
  readonly own: readonly KubeObject[];
  readonly objects: readonly KubeObject[];
}

const samples: readonly Sample[] = [
  ...goldenCases().map((c) => ({ setting: c, own: c.own, objects: c.objects })),
  ...allFieldCases().map((c) => ({ setting: c.setting, own: c.own, objects: c.after })),
].sort((a, b) => a.objects.length - b.objects.length);

/** The ways to fields of the value that its schema requires. */
function requiredIn(schema: Schema, value: unknown, path: readonly string[] = []): string[][] {
  if (Array.isArray(value)) return value.flatMap((item, i) => requiredIn(schema.items ?? {}, item, [...path, String(i)]));
  if (typeof value !== 'object' || value === null) return [];
  const more = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : {};
  return Object.entries(value).flatMap(([name, field]) => [
    ...(schema.required?.includes(name) ? [[...path, name]] : []),
    ...requiredIn(schema.properties?.[name] ?? more, field, [...path, name]),
  ]);
}

const written = (path: readonly string[]): string =>
  path
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join('')
    .slice(1);

test('an object without a field that its kind requires is left out, and said, field by field', () => {
  const catalog = createCatalog();
  const seen = new Set<string>();
  for (const { setting, own, objects } of samples)
    for (const object of own) {
      // It is asked what its proxy holds.
      if (`${object.metadata?.namespace}/${object.metadata?.name}` === setting.proxy) continue;
      const [version = '', group = ''] = (object.apiVersion ?? '').split('/').reverse();
      const schema = catalog.findKind(group, version, object.kind ?? '')?.def.schema;
      for (const path of [['metadata', 'name'], ...requiredIn(schema ?? {}, object)]) {
        const place = `${object.kind} ${path.filter((part) => !/^\d+$/.test(part)).join('.')}`;
        if (seen.has(place)) continue;
        seen.add(place);
        const damaged = objects.map((o) => (o === object ? without(o, path) : o));
        const { problems } = translate(setting, damaged);
        assert.ok(
          problems.some((p) => p.code === 'IST0106' && p.object.kind === object.kind && p.path === written(path)),
          `${place}: not said`,
        );
      }
    }
  assert.ok(seen.size > 60, `${seen.size} fields`);
});
