import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { apiVersionOf, CustomResourceDefinitions, type AnyObject, type Resource } from '../api/index.ts';
import type { Client } from '../control/index.ts';
import { NS, refused, specOf, world } from './testing.ts';

const Things = { group: 'example.com', version: 'v1', kind: 'Thing', plural: 'things', namespaced: true } as Resource<AnyObject>;

const definition = (spec: object, more: object = {}): AnyObject => ({
  metadata: { name: 'things.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'things', kind: 'Thing' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: { type: 'object', properties: { spec, status: { type: 'object', properties: { n: { type: 'integer' } } } } },
        },
      },
    ],
    ...more,
  },
});

const object = (properties: object, more: object = {}): object => ({ type: 'object', properties, ...more });
const thing = (spec: object, name = 'a'): AnyObject => ({
  apiVersion: apiVersionOf(Things),
  kind: 'Thing',
  metadata: { name, namespace: NS },
  spec,
});
const rule = (text: string, more: object = {}): object => ({ 'x-kubernetes-validations': [{ rule: text, ...more }] });
const merge = (client: Client, spec: object): Promise<AnyObject> =>
  client.patch(Things, { namespace: NS, name: 'a' }, { type: 'merge', body: { spec } });

/** What comes of a definition, or of creating an object of it. */
async function outcome(spec: object, value: object): Promise<string> {
  const { client } = await world();
  await client.create(CustomResourceDefinitions, definition(spec) as never);
  try {
    await client.create(Things, thing(value));
    return 'ok';
  } catch (error) {
    return (error as Error).message.replace('Thing.example.com "a" is invalid: ', '');
  }
}

const WEIGHTED = object({ size: { type: 'integer' }, limit: { type: 'integer' } }, rule('self.size <= self.limit'));

suite('rules', () => {
  for (const [name, spec, value, said] of [
    ['hold', WEIGHTED, { size: 1, limit: 2 }, 'ok'],
    ['fail with what they say', WEIGHTED, { size: 3, limit: 2 }, 'spec: Invalid value: failed rule: self.size <= self.limit'],
    [
      'need what they name',
      WEIGHTED,
      { size: 3 },
      'spec: Invalid value: "object": no such key: limit evaluating rule: self.size <= self.limit',
    ],
    [
      'have a message',
      object({ a: { type: 'integer', ...rule('self > 0', { message: 'be positive' }) } }),
      { a: -1 },
      'spec.a: Invalid value: -1: be positive',
    ],
    [
      'have a message that is computed, a reason and a place',
      object(
        { a: { type: 'integer' } },
        rule('self.a > 0', { messageExpression: '"%d is not positive".format([self.a])', reason: 'FieldValueForbidden', fieldPath: '.a' }),
      ),
      { a: -1 },
      'spec.a: Forbidden: -1 is not positive',
    ],
    [
      'fall back to their message',
      object({ a: { type: 'integer' } }, rule('self.a > 0', { message: 'no', messageExpression: 'string(1 / (self.a + 1))' })),
      { a: -1 },
      'spec: Invalid value: no',
    ],
    [
      'are asked at any depth',
      object({
        l: { type: 'array', items: object({ m: { type: 'object', additionalProperties: { type: 'string', ...rule('self != ""') } } }) },
      }),
      { l: [{}, { m: { k: '' } }] },
      'spec.l[1].m.k: Invalid value: "": failed rule: self != ""',
    ],
    [
      'wait until the form is right',
      object({ a: { type: 'integer' }, b: { type: 'string' } }, { required: ['b'], ...rule('self.a > 0') }),
      { a: 0 },
      '[spec.b: Required value, <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation]',
    ],
    [
      'are asked about what is only of the wrong value',
      object({ a: { type: 'integer', minimum: 5 } }, rule('self.a > 3')),
      { a: 1 },
      '[spec.a: Invalid value: 1: spec.a in body should be greater than or equal to 5, spec: Invalid value: failed rule: self.a > 3]',
    ],
    ['do not compare with what was not', object({ a: { type: 'integer', ...rule('self == oldSelf') } }), { a: 1 }, 'ok'],
    [
      'see no old value as one that is none',
      object({ a: { type: 'integer', ...rule('oldSelf.hasValue() || self == 1', { optionalOldSelf: true }) } }),
      { a: 2 },
      'spec.a: Invalid value: 2: failed rule: oldSelf.hasValue() || self == 1',
    ],
  ] as const) {
    test(name, async () => assert.equal(await outcome(spec, value), said));
  }

  test('compare with what was', async () => {
    const { client } = await world();
    const keyed = { type: 'array', maxItems: 10, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] };
    const fixed = { type: 'string', maxLength: 10, ...rule('self == oldSelf', { message: 'is immutable' }) };
    await client.create(
      CustomResourceDefinitions,
      definition(object({ a: fixed, l: { ...keyed, items: object({ k: { type: 'string' }, v: fixed }, { required: ['k'] }) } })) as never,
    );
    await client.create(
      Things,
      thing({
        a: 'x',
        l: [
          { k: '1', v: 'p' },
          { k: '2', v: 'q' },
        ],
      }),
    );
    await merge(client, {
      l: [
        { k: '2', v: 'q' },
        { k: '3', v: 'new' },
      ],
    });
    await assert.rejects(merge(client, { a: 'y' }), refused('Invalid', /spec\.a: Invalid value: "y": is immutable$/));
    await assert.rejects(
      merge(client, { l: [{ k: '2', v: 'other' }] }),
      refused('Invalid', /spec\.l\[0\]\.v: Invalid value: "other": is immutable$/),
    );
  });

  test('give others their turn between them', async () => {
    const names = { type: 'array', maxItems: 200, items: { type: 'string', maxLength: 5 } };
    const costly = ['a', 'b', 'c', 'd', 'e'].map((x) => ({ rule: `self.a.all(${x}, self.a.all(y, ${x} == y))` }));
    const { client } = await world();
    await client.create(CustomResourceDefinitions, definition(object({ a: names }, { 'x-kubernetes-validations': costly })) as never);
    let turns = 0;
    const count = (): void => void (turns++, (again = setImmediate(count)));
    let again = setImmediate(count);
    await client.create(Things, thing({ a: Array(200).fill('a') }));
    clearImmediate(again);
    assert.ok(turns >= costly.length - 1, `${turns} turns`);
  });

  test('stop at their budget, and say so', async () => {
    const names = { type: 'array', maxItems: 400, items: { type: 'string', maxLength: 5 } };
    const said = await outcome(object({ a: names, b: names }, rule('self.a.all(x, self.b.all(y, x != y))')), {
      a: Array(400).fill('a'),
      b: Array(400).fill('b'),
    });
    assert.match(
      said,
      /^spec: Invalid value: "object": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: /,
    );
  });
});

test('what is wrong and as it was stays allowed, what is new and wrong does not', async () => {
  const { client } = await world();
  await client.create(
    CustomResourceDefinitions,
    definition(object({ a: { type: 'string' }, b: { type: 'string' }, l: { type: 'array', items: { type: 'string' } } })) as never,
  );
  await client.create(Things, thing({ a: 'bad', b: 'x', l: ['bad'] }));
  const stricter = object(
    {
      a: { type: 'string', enum: ['good'] },
      b: { type: 'string', ...rule('self != "bad"') },
      l: { type: 'array', items: { type: 'string', enum: ['good'] } },
    },
    {},
  );
  await client.patch(
    CustomResourceDefinitions,
    { name: 'things.example.com' },
    { type: 'json', body: [{ op: 'replace', path: '/spec/versions/0/schema/openAPIV3Schema/properties/spec', value: stricter }] },
  );
  assert.deepEqual((await merge(client, { b: 'y' }))['spec'], { a: 'bad', b: 'y', l: ['bad'] });
  await assert.rejects(
    merge(client, { a: 'worse' }),
    refused(
      'Invalid',
      /spec\.a: Unsupported value: "worse": supported values: "good", <nil>: Invalid value: null: some validation rules were not checked/,
    ),
  );
  await assert.rejects(merge(client, { b: 'bad' }), refused('Invalid', /failed rule: self != "bad"$/));
  await assert.rejects(merge(client, { l: ['bad', 'bad'] }), refused('Invalid', /spec\.l\[0\]: Unsupported value/));
});

test('an update says what it was made from', async () => {
  const { client, registry, at } = await world();
  await client.create(CustomResourceDefinitions, definition(object({ a: { type: 'string' } })) as never);
  const made = await client.create(Things, thing({ a: 'x' }));
  await assert.rejects(
    registry.update(at(Things, 'a'), { value: thing({ a: 'y' }) }, {}),
    refused(
      'Invalid',
      /^Thing\.example\.com "a" is invalid: metadata\.resourceVersion: Invalid value: 0x0: must be specified for an update$/,
    ),
  );
  await assert.rejects(registry.update(at(Things, 'none'), { value: thing({ a: 'y' }, 'none') }, {}), refused('NotFound'));
  const value = { ...thing({ a: 'y' }), metadata: { name: 'a', resourceVersion: made.metadata!.resourceVersion } };
  assert.deepEqual((await registry.update(at(Things, 'a'), { value }, {})).object['spec'], { a: 'y' });
});

suite('definitions are refused', () => {
  for (const [name, spec, said] of [
    [
      'for a field without a type',
      object({ a: {} }),
      'spec.validation.openAPIV3Schema.properties[spec].properties[a].type: Required value: must not be empty for specified object fields',
    ],
    [
      'for items without a type',
      object({ a: { type: 'array', items: {} } }),
      'spec.validation.openAPIV3Schema.properties[spec].properties[a].items.type: Required value: must not be empty for specified array items',
    ],
    [
      'for types inside of anyOf',
      object({ a: { type: 'string', anyOf: [{ type: 'string' }] } }),
      'spec.validation.openAPIV3Schema.properties[spec].properties[a].anyOf[0].type: Forbidden: must be empty to be structural',
    ],
    [
      'for fields that only anyOf knows',
      object({}, { anyOf: [{ properties: { z: { minimum: 1 } } }] }),
      'spec.validation.openAPIV3Schema.properties[spec].properties[z]: Required value: because it is defined in spec.validation.openAPIV3Schema.properties[spec].anyOf[0].properties[z]',
    ],
    [
      'for both kinds of properties',
      object({ a: { type: 'string' } }, { additionalProperties: { type: 'string' } }),
      'spec.validation.openAPIV3Schema.properties[spec].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive',
    ],
    [
      'for a map list without keys',
      { type: 'array', 'x-kubernetes-list-type': 'map', items: object({ k: { type: 'string' } }) },
      'spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map',
    ],
    [
      'for keys that need not be there',
      { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'], items: object({ k: { type: 'string' } }) },
      'spec.validation.openAPIV3Schema.properties[spec].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
    ],
    [
      'for references',
      { ...object({}), $ref: '#/a' },
      'spec.validation.openAPIV3Schema.properties[spec].$ref: Forbidden: $ref is not supported',
    ],
    [
      'for a default of the wrong type',
      object({ a: { type: 'integer', default: 'x' } }),
      'spec.validation.openAPIV3Schema.properties[spec].properties[a].default: Invalid value: "string":  in body must be of type integer: "string"',
    ],
    [
      'for a default with unknown fields',
      object({ a: { ...object({ b: { type: 'string' } }), default: { c: 1 } } }),
      'spec.validation.openAPIV3Schema.properties[spec].properties[a].default: Invalid value: {"c":1}: must not have unknown fields',
    ],
    [
      'for a rule of an unknown field',
      object({ a: { type: 'string' } }, rule('self.b == ""')),
      `spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule: Invalid value: {"Rule":"self.b == \\"\\"","Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}: compilation failed: ERROR: <input>:1:5: undefined field 'b'\n | self.b == ""\n | ....^`,
    ],
    ['for a rule that decides nothing', object({ a: { type: 'string' } }, rule('self.a')), /cel expression must evaluate to a bool$/],
    [
      'for comparing what cannot be compared',
      { type: 'array', maxItems: 5, items: { type: 'string', maxLength: 5, ...rule('self == oldSelf') } },
      'spec.validation.openAPIV3Schema.properties[spec].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within spec.validation.openAPIV3Schema.properties[spec]',
    ],
    [
      'for a place that is none',
      object({ a: { type: 'string' } }, rule('true', { fieldPath: '.b' })),
      /fieldPath: Invalid value: ".b": fieldPath "\.b" must be a valid path: does not refer to a valid field$/,
    ],
    [
      'for rules without bounds',
      object({ l: { type: 'array', items: { type: 'string' } } }, rule('self.l.all(x, self.l.all(y, x != y))')),
      /rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x \(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared\), .*contributed to .*, spec\.validation\.openAPIV3Schema: Forbidden: x-kubernetes-validations estimated rule cost total/,
    ],
  ] as const) {
    test(name, async () => {
      const { client } = await world();
      await assert.rejects(client.create(CustomResourceDefinitions, definition(spec) as never), (error: Error) => {
        const message = error.message.replace('CustomResourceDefinition.apiextensions.k8s.io "things.example.com" is invalid: ', '');
        if (typeof said === 'string') assert.equal(message, said);
        else assert.match(message, said);
        return true;
      });
    });
  }
});

test('a name that another kind of the group has is waited for', async () => {
  const { client, registry } = await world();
  const other = definition(object({}), { names: { plural: 'others', kind: 'Other', shortNames: ['th'] } });
  await client.create(CustomResourceDefinitions, { ...other, metadata: { name: 'others.example.com' } } as never);
  const waiting = await client.create(
    CustomResourceDefinitions,
    definition(object({}), { names: { plural: 'things', kind: 'Thing', shortNames: ['th'] } }) as never,
  );
  const conditions = (o: unknown): string[] =>
    (o as { status: { conditions: { type: string; status: string; reason: string }[] } }).status.conditions.map(
      (c) => `${c.type}=${c.status} ${c.reason}`,
    );
  assert.deepEqual(conditions(waiting), ['NamesAccepted=False ShortNamesConflict', 'Established=False NotAccepted']);
  assert.equal(registry.catalog.find('example.com', 'v1', 'things'), undefined);
  const { resourceVersion } = await client.list(CustomResourceDefinitions);
  await client.delete(CustomResourceDefinitions, { name: 'others.example.com' });
  for await (const event of client.watch(CustomResourceDefinitions, { resourceVersion })) {
    if (event.type === 'MODIFIED' && event.object.metadata?.name === 'things.example.com') {
      assert.deepEqual(conditions(event.object), ['NamesAccepted=True NoConflicts', 'Established=True InitialNamesAccepted']);
      break;
    }
  }
});

test('watches of a kind end with it', async () => {
  const { client, registry, at } = await world();
  await client.create(CustomResourceDefinitions, definition(object({ a: { type: 'string' } })) as never);
  await client.create(Things, thing({ a: 'x' }));
  const target = at(Things);
  const seen: string[] = [];
  const watching = (async () => {
    for await (const message of registry.watch({ ...target, name: undefined }, {})) seen.push(message.type);
  })();
  await new Promise((resolve) => setImmediate(resolve));
  await client.delete(CustomResourceDefinitions, { name: 'things.example.com' });
  await watching;
  assert.deepEqual(seen, ['ADDED', 'DELETED']);
});

suite('a definition that changes', () => {
  const key = { namespace: NS, name: 'a' };

  test('objects that were stored before show its defaults, and not what it no longer knows', async () => {
    const { client } = await world();
    const made = await client.create(
      CustomResourceDefinitions,
      definition(object({ old: { type: 'string' }, kept: { type: 'string' } })) as never,
    );
    await client.create(Things, thing({ old: 'x', kept: 'y' }));
    const { resourceVersion } = await client.list(Things);
    const next = definition(object({ kept: { type: 'string' }, size: { type: 'integer', default: 3 } }));
    await client.update(CustomResourceDefinitions, { ...made, spec: next['spec'] } as never);
    const wanted = { kept: 'y', size: 3 };
    assert.deepEqual(specOf(await client.get(Things, key)), wanted);
    assert.deepEqual((await client.list(Things)).items.map(specOf), [wanted]);
    await client.delete(Things, key);
    for await (const event of client.watch(Things, { resourceVersion })) {
      assert.deepEqual([event.type, event.type !== 'BOOKMARK' && specOf(event.object)], ['DELETED', wanted]);
      break;
    }
  });

  test('each version has the subresources that it names', async () => {
    const { client, registry, at } = await world();
    const { spec } = definition(object({ size: { type: 'integer' } })) as unknown as { spec: { versions: { name: string }[] } };
    const [v1] = spec.versions;
    const scale = { specReplicasPath: '.spec.size', statusReplicasPath: '.status.n' };
    const v2 = { ...v1!, name: 'v2', storage: false, subresources: { scale } };
    await client.create(CustomResourceDefinitions, {
      metadata: { name: 'things.example.com' },
      spec: { ...spec, versions: [v1, v2] },
    } as never);
    await client.create(Things, thing({ size: 4 }));
    const Newer = { ...Things, version: 'v2' } as Resource<AnyObject>;
    const shown = await registry.get(at(Newer, 'a', 'scale'));
    assert.deepEqual(shown.object['spec'], { replicas: 4 });
    const scaled = await registry.patch(at(Newer, 'a', 'scale'), 'merge', { value: { spec: { replicas: 6 } } }, {});
    assert.deepEqual(scaled.object['spec'], { replicas: 6 });
    assert.deepEqual(specOf(await client.get(Things, key)), { size: 6 });
    await assert.rejects(registry.get(at(Things, 'a', 'scale')), refused('NotFound'));
    await assert.rejects(registry.get(at(Newer, 'a', 'status')), refused('NotFound'));
  });

  test('while its objects are being removed it says so', async () => {
    const { client } = await world();
    await client.create(CustomResourceDefinitions, definition(object({})) as never);
    await client.create(Things, { ...thing({}), metadata: { ...key, finalizers: ['example.com/held'] } });
    const deleted = await client.delete(CustomResourceDefinitions, { name: 'things.example.com' });
    const terminating = deleted!.status!.conditions!.find((c) => c.type === 'Terminating');
    assert.deepEqual([terminating?.status, terminating?.reason], ['True', 'InstanceDeletionInProgress']);
  });
});
