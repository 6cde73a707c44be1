import { isKept, type Column, type KindDef, type LegacyVersion, type ScaleSubresource, type Schema, type Subresource } from '../kind.ts';
import type { KubeObject, Resource } from '../object.ts';
import type { StatusCause } from '../status.ts';
import { Causes, dnsSubdomain, type Rule } from './check.ts';
import { ageColumn, nameColumn } from './columns.ts';
import { checkMetadata } from './metadata.ts';
import { kindSchema } from './schema/builtin.ts';

/** What may be asked of whoever is behind an object. */
export const PROXY_VERBS: readonly string[] = ['create', 'delete', 'get', 'patch', 'update'];

/** Groups of servers beside the core one, whose rules for metadata are those of custom kinds. */
const EXTENSIONS: ReadonlySet<string> = new Set(['apiextensions.k8s.io', 'apiregistration.k8s.io']);

/** What a kind's file says; the rest follows. */
export interface Definition<T extends KubeObject> {
  readonly resource: Resource<T>;
  /** The kind in lower case when absent. */
  readonly singular?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** A protobuf message of Kubernetes' own, or a schema of the whole object. */
  readonly schema: string | (() => Schema);
  readonly status?: boolean;
  readonly scale?: ScaleSubresource;
  readonly warning?: string;
  /** All when absent. */
  readonly verbs?: readonly string[];
  readonly subresources?: readonly Subresource[];
  /** What names have to look like; a DNS subdomain when absent. */
  readonly nameRule?: Rule;
  default?(object: T, old?: T): void;
  /** What is wrong beyond the metadata. */
  check?(causes: Causes, object: T, old: T | undefined, subresource: string | undefined, apiVersion: string | undefined): void;
  /** NAME and AGE when absent. */
  readonly columns?: readonly Column<T>[];
  readonly legacy?: readonly LegacyVersion[];
  readonly selectableFields?: readonly string[];
  readonly custom?: boolean;
  readonly conversion?: KindDef['conversion'];
}

/** The definition of a kind. Its schema is made when it is first asked for. */
export function define<T extends KubeObject>(d: Definition<T>): KindDef {
  let schema: Schema | undefined;
  const def = {
    resource: d.resource,
    singular: d.singular ?? d.resource.kind.toLowerCase(),
    shortNames: d.shortNames ?? [],
    categories: d.categories ?? [],
    get schema(): Schema {
      return (schema ??= typeof d.schema === 'string' ? kindSchema(d.schema) : d.schema());
    },
    status: d.status ?? false,
    ...(d.scale ? { scale: d.scale } : {}),
    ...(d.warning ? { warning: d.warning } : {}),
    ...(d.verbs ? { verbs: d.verbs } : {}),
    ...(d.subresources ? { subresources: d.subresources } : {}),
    ...(d.default ? { default: d.default } : {}),
    validate(object: T, old: T | undefined, subresource?: string, apiVersion?: string): StatusCause[] {
      const causes = new Causes();
      if (isKept(d)) checkMetadata(causes, d.resource, d.nameRule ?? dnsSubdomain, object, d.custom || EXTENSIONS.has(d.resource.group));
      d.check?.(causes, object, old, subresource, apiVersion);
      return causes.list;
    },
    columns: d.columns ?? [nameColumn, ageColumn],
    legacy: d.legacy ?? [],
    selectableFields: d.selectableFields ?? [],
    custom: d.custom ?? false,
    ...(d.conversion ? { conversion: d.conversion } : {}),
  };
  return def as unknown as KindDef;
}
