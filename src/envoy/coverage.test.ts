import 'reflect-metadata';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { createCatalog, type AnyObject, type KubeObject, type Schema } from '../api/index.ts';
import { allFieldCases, fieldCases, FIELDS_DIR } from './field-cases.fixture.ts';
import { readYaml } from './case-files.edge.ts';
import { goldenCases, translate, versionsOf, type Setting } from './golden.fixture.ts';
import { fieldsIn, fieldsOf, without, type FieldSet } from './schema-fields.fixture.ts';

/** What users of a mesh write, with the name that fields are told under. */
const KINDS: readonly (readonly [group: string, version: string, kind: string, name?: string])[] = [
  ['networking.istio.io', 'v1', 'VirtualService'],
  ['networking.istio.io', 'v1', 'DestinationRule'],
  ['networking.istio.io', 'v1', 'Gateway'],
  ['networking.istio.io', 'v1', 'ServiceEntry'],
  ['networking.istio.io', 'v1', 'WorkloadEntry'],
  ['networking.istio.io', 'v1', 'WorkloadGroup'],
  ['networking.istio.io', 'v1', 'Sidecar'],
  ['networking.istio.io', 'v1beta1', 'ProxyConfig'],
  ['networking.istio.io', 'v1alpha3', 'EnvoyFilter'],
  ['telemetry.istio.io', 'v1', 'Telemetry'],
  ['security.istio.io', 'v1', 'PeerAuthentication'],
  ['security.istio.io', 'v1', 'RequestAuthentication'],
  ['security.istio.io', 'v1', 'AuthorizationPolicy'],
  ['networking.k8s.io', 'v1', 'Ingress'],
  ['gateway.networking.k8s.io', 'v1', 'Gateway', 'KubernetesGateway'],
  ['gateway.networking.k8s.io', 'v1', 'HTTPRoute'],
  ['gateway.networking.k8s.io', 'v1', 'GRPCRoute'],
  ['gateway.networking.k8s.io', 'v1', 'TLSRoute'],
  ['gateway.networking.k8s.io', 'v1', 'TCPRoute'],
  ['gateway.networking.k8s.io', 'v1', 'ReferenceGrant'],
  ['gateway.networking.k8s.io', 'v1', 'BackendTLSPolicy'],
];

/** Fields that cases need not show an effect of, by why not; one stands for all below it. */
type Exceptions = Readonly<Record<'said' | 'idle' | 'elsewhere' | 'refused', Readonly<Record<string, readonly string[]>>>>;

interface Sample {
  readonly name: string;
  readonly setting: Setting;
  readonly objects: readonly KubeObject[];
  readonly own: readonly KubeObject[];
}

const catalog = createCatalog();
const specs = new Map<string, { name: string; schema: Schema }>();
for (const [group, version, kind, name = kind] of KINDS) {
  const schema = catalog.findKind(group, version, kind)?.def.schema.properties?.['spec'];
  assert.ok(schema, `${kind} has no schema`);
  specs.set(`${group}/${version} ${kind}`, { name: `${name} spec`, schema });
}
const [annotations] = readYaml(join(FIELDS_DIR, 'lists', 'nginx-annotations.yaml')) as [string[]];
const fields = fieldsOf([...specs.values()]);
const [exceptions] = readYaml(join(FIELDS_DIR, 'lists', 'exceptions.yaml')) as [Exceptions];
const said = new Set(Object.values(exceptions.said).flat());
const idle = new Set(Object.values(exceptions.idle).flat());
const refused = new Set(Object.values(exceptions.refused).flat());
const excepted = Object.values(exceptions).flatMap((byReason) => Object.values(byReason).flat());

function samples(): Sample[] {
  const single = allFieldCases().map((c): Sample => ({
    name: `fields/${c.file}: ${c.name}`,
    setting: c.setting,
    own: c.own,
    objects: c.after,
  }));
  return [...single, ...goldenCases().map((c): Sample => ({ name: `golden/${c.file}`, setting: c, own: c.own, objects: c.objects }))];
}

/** One place where a field is set. */
interface Use extends FieldSet {
  readonly sample: Sample;
  readonly object: KubeObject;
}

const NGINX = 'nginx.ingress.kubernetes.io/';

/** The annotations by which NGINX is set up. */
function annotationsIn({ metadata }: KubeObject): FieldSet[] {
  const names = Object.keys(metadata?.annotations ?? {}).filter((name) => name.startsWith(NGINX));
  return names.map((name) => ({ key: name, path: ['metadata', 'annotations', name] }));
}

type Effect = 'resources' | 'said';

/** What comes of objects, as texts that can be compared. */
function outcomeOf({ setting }: Sample, objects: readonly KubeObject[]): Record<Effect, string> {
  const { resources, problems, statuses } = translate(setting, objects);
  return { resources: JSON.stringify(versionsOf(resources)), said: JSON.stringify([problems, statuses]) };
}

/** What is another thing when the field is taken away. */
function effectsOf({ sample, object, path }: Use, whole: Record<Effect, string>): Effect[] {
  const rest = sample.objects.map((o) => (o === object ? without(o, path) : o));
  const less = outcomeOf(sample, rest);
  return (['resources', 'said'] as const).filter((effect) => whole[effect] !== less[effect]);
}

/** Whether an exception is made of the field, or of one around it. */
function isExcepted(field: string): boolean {
  return excepted.some((f) => field === f || (field.startsWith(f) && /[.=[{]/.test(field[f.length]!)));
}

describe('every field of the mesh', () => {
  const uses = new Map<string, Use[]>();
  const effects = new Map<string, Set<Effect>>();
  before(() => {
    for (const sample of samples()) {
      for (const object of sample.own) {
        const spec = specs.get(`${object.apiVersion} ${object.kind}`);
        if (!spec) continue;
        const whole = { key: spec.name, path: ['spec'] };
        for (const set of [whole, ...fieldsIn(spec.schema, (object as { spec?: unknown }).spec, ['spec']), ...annotationsIn(object)]) {
          const list = uses.get(set.key);
          const use = { ...set, sample, object };
          if (list) list.push(use);
          else uses.set(set.key, [use]);
        }
      }
    }
    const wholes = new Map<Sample, Record<Effect, string>>();
    const whole = (sample: Sample): Record<Effect, string> => {
      let made = wholes.get(sample);
      if (!made) wholes.set(sample, (made = outcomeOf(sample, sample.objects)));
      return made;
    };
    for (const [key, all] of uses) {
      all.sort((a, b) => a.sample.objects.length - b.sample.objects.length);
      const found = new Set<Effect>();
      const wanted = said.has(fields.get(key) ?? '') ? 'said' : 'resources';
      for (const use of all) {
        for (const effect of effectsOf(use, whole(use.sample))) found.add(effect);
        if (found.has(wanted)) break;
      }
      effects.set(key, found);
    }
  });

  const named = (wanted: (key: string, field: string) => boolean): string[] =>
    [...fields].flatMap(([key, field]) => (wanted(key, field) ? [field] : []));

  test('is set by a case that would be another without it', () => {
    const missing = [...fields].flatMap(([key, field]) => {
      const [use] = uses.get(key) ?? [];
      if (effects.get(key)?.has('resources') || isExcepted(field)) return [];
      return `${field}: ${!use ? 'in no case' : effects.get(key)?.has('said') ? `is only said (${use.sample.name})` : `changes nothing (${use.sample.name})`}`;
    });
    assert.deepEqual(missing, []);
  });

  test('or is said to have no effect', () => {
    assert.deepEqual(
      named((key, field) => said.has(field) && !effects.get(key)?.has('said')),
      [],
    );
  });

  test('or means nothing', () => {
    assert.deepEqual(
      named((key, field) => idle.has(field) && effects.get(key)?.size !== 0),
      [],
    );
  });

  test('and so is every annotation of NGINX, or it is said to have no effect', () => {
    const [sample] = fieldCases('ingress');
    const silent = annotations.filter((name) => {
      if (effects.get(NGINX + name)?.has('resources')) return false;
      const objects = sample!.before.map((o) =>
        o.kind === 'Ingress' ? { ...o, metadata: { ...o.metadata!, annotations: { [NGINX + name]: 'x' } } } : o,
      );
      return !translate(sample!.setting, objects).problems.some((p) => p.path.includes(`/${name}"`));
    });
    assert.deepEqual(silent, []);
  });

  test('or is refused, as it is in a case', () => {
    const silent = named((key, field) => {
      if (!refused.has(field)) return false;
      const last = field.slice(field.lastIndexOf('.'));
      return !(uses.get(key) ?? []).some(({ object }) => {
        const def = catalog.findKind(object.apiVersion!.split('/')[0]!, object.apiVersion!.split('/')[1]!, object.kind!)?.def;
        return def?.validate?.(object as AnyObject, undefined).some((cause) => cause.field?.endsWith(last));
      });
    });
    assert.deepEqual(silent, []);
  });

  test('no exception is made of a field that is not there', () => {
    const known = new Set(fields.values());
    assert.deepEqual(
      excepted.filter((field) => !known.has(field)),
      [],
    );
  });
});
