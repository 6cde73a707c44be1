/** Kinds that are built in here and come from CustomResourceDefinitions elsewhere: they look as if they did here, too. */
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
} from 'kubernetes-types/apiextensions/v1.js';
import { printerColumns } from '../crd.ts';
import type { KindDef, LegacyVersion, Schema } from '../kind.ts';
import type { AnyObject, KubeObject, Resource } from '../object.ts';
import { define, type Definition } from './define.ts';
import { OBJECT_FIELDS, objectMetaSchema } from './schema/builtin.ts';
import type { Shapes } from './schema/shapes.ts';

/** A version that is served beside the stored one. */
export interface CustomVersion {
  readonly version: string;
  /** The shape of the whole object, where it is not that of the stored version. */
  readonly shape?: string;
  /** Sent as a Warning header: the version is deprecated. */
  readonly warning?: string;
  upgrade?(object: AnyObject): AnyObject;
  downgrade?(object: AnyObject): AnyObject;
}

export interface CustomDefinition<T extends KubeObject> extends Pick<
  Definition<T>,
  'resource' | 'singular' | 'shortNames' | 'categories' | 'status' | 'subresources' | 'default' | 'check'
> {
  readonly shapes: Shapes;
  /** The shape of the whole object; the name of the kind when absent. */
  readonly shape?: string;
  /** Versions served beside that of the resource. */
  readonly versions?: readonly (string | CustomVersion)[];
  readonly columns?: readonly CustomResourceColumnDefinition[];
  /** Of the definition. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** `Ready .status.ready`, with `integer` or `date` before the path where it is no string. */
export function shows(name: string, jsonPath: string, more: Partial<CustomResourceColumnDefinition> = {}): CustomResourceColumnDefinition {
  return { name, type: 'string', jsonPath, ...more };
}

export const AGE: CustomResourceColumnDefinition = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

/** A kind of a group. Its plural is that of English unless it is said. */
export function customResource<T extends KubeObject>(
  group: string,
  version: string,
  kind: string,
  { plural = pluralOf(kind), namespaced = true }: { plural?: string; namespaced?: boolean } = {},
): Resource<T> {
  return { group, version, kind, plural, namespaced };
}

function pluralOf(kind: string): string {
  const lower = kind.toLowerCase();
  return lower.endsWith('y') && !/[aeo]y$/.test(lower) ? `${lower.slice(0, -1)}ies` : lower.endsWith('s') ? `${lower}es` : `${lower}s`;
}

/** The definition of a kind; its schemas, and the CustomResourceDefinition, are made when they are asked for. */
export function defineCustom<T extends KubeObject>(d: CustomDefinition<T>): KindDef {
  const { shapes, resource, columns = [] } = d;
  const others = (d.versions ?? []).map((v) => (typeof v === 'string' ? { version: v } : v));
  const schemas = new Map<string, Schema>();
  const schemaOf = (shape: string): Schema => {
    let schema = schemas.get(shape);
    if (!schema) schemas.set(shape, (schema = wholeObject(shapes(shape))));
    return schema;
  };
  const shape = d.shape ?? resource.kind;
  const def = define<T>({
    resource,
    ...(d.singular ? { singular: d.singular } : {}),
    shortNames: d.shortNames ?? [],
    categories: d.categories ?? [],
    schema: () => schemaOf(shape),
    status: d.status ?? true,
    ...(d.subresources ? { subresources: d.subresources } : {}),
    ...(d.default ? { default: d.default } : {}),
    ...(d.check ? { check: d.check } : {}),
    columns: printerColumns<T>(columns),
    legacy: others.map((other) => legacyOf(resource.group, other, schemaOf)),
    custom: true,
  });
  const definition = (): CustomResourceDefinition =>
    definitionOf(def, d, [
      { version: resource.version, shape },
      ...others.map((other) => ({
        version: other.version,
        shape: other.shape ?? shape,
        ...(other.warning ? { warning: other.warning } : {}),
      })),
    ]);
  return Object.defineProperties({} as KindDef, {
    ...Object.getOwnPropertyDescriptors(def),
    definition: { value: definition, enumerable: true },
  });
}

function legacyOf(group: string, v: CustomVersion, schemaOf: (shape: string) => Schema): LegacyVersion {
  const { shape } = v;
  const legacy: LegacyVersion = {
    group,
    version: v.version,
    warning: v.warning ?? '',
    ...(v.upgrade ? { upgrade: v.upgrade } : {}),
    ...(v.downgrade ? { downgrade: v.downgrade } : {}),
  };
  return shape ? Object.defineProperty(legacy, 'schema', { get: () => schemaOf(shape), enumerable: true }) : legacy;
}

function wholeObject(schema: Schema): Schema {
  return { ...schema, properties: { ...OBJECT_FIELDS, metadata: objectMetaSchema(), ...schema.properties } };
}

function definitionOf<T extends KubeObject>(
  def: KindDef,
  { shapes, columns = [], labels, annotations }: CustomDefinition<T>,
  versions: readonly { version: string; shape: string; warning?: string }[],
): CustomResourceDefinition {
  const { group, version: stored, plural, kind, namespaced } = def.resource;
  const versionOf = ({ version, shape, warning }: (typeof versions)[number]): CustomResourceDefinitionVersion => ({
    name: version,
    served: true,
    storage: version === stored,
    ...(warning ? { deprecated: true, deprecationWarning: warning } : {}),
    ...(columns.length ? { additionalPrinterColumns: [...columns] } : {}),
    // Nobody who only wants to know which definitions there are pays for their schemas.
    get schema() {
      const schema = shapes(shape);
      const openAPIV3Schema = { ...schema, properties: { ...OBJECT_FIELDS, metadata: { type: 'object' }, ...schema.properties } };
      return { openAPIV3Schema: openAPIV3Schema as never };
    },
    ...(def.status ? { subresources: { status: {} } } : {}),
  });
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      ...(labels ? { labels: { ...labels } } : {}),
      ...(annotations ? { annotations: { ...annotations } } : {}),
    },
    spec: {
      group,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: def.singular,
        ...(def.shortNames.length ? { shortNames: [...def.shortNames] } : {}),
        ...(def.categories.length ? { categories: [...def.categories] } : {}),
      },
      scope: namespaced ? 'Namespaced' : 'Cluster',
      conversion: { strategy: 'None' },
      versions: versions.map(versionOf),
    },
  };
}
