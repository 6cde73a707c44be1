import type { CustomResourceDefinition, WebhookConversion } from 'kubernetes-types/apiextensions/v1.js';
import type { AnyObject, KubeObject, Resource } from './object.ts';
import type { StatusCause } from './status.ts';

/** The part of OpenAPI v3 that Kubernetes' structural schemas use. */
export interface Schema {
  type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  description?: string;
  format?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  required?: string[];
  enum?: unknown[];
  default?: unknown;
  nullable?: boolean;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  multipleOf?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  not?: Schema;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-embedded-resource'?: boolean;
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: 'granular' | 'atomic';
  'x-kubernetes-patch-strategy'?: string;
  'x-kubernetes-patch-merge-key'?: string;
  'x-kubernetes-validations'?: ValidationRule[];
}

/** A rule in Kubernetes' expression language (CEL). */
export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  /** Comes to a message, or to nothing usable: then `message` is used. */
  readonly messageExpression?: string;
  readonly reason?: string;
  /** Below the schema that the rule stands in: `.spec.size`. */
  readonly fieldPath?: string;
  /** `oldSelf` is an optional value, and the rule is asked for on create, too. */
  readonly optionalOldSelf?: boolean;
}

/** A column of `kubectl get`. */
export interface Column<T = AnyObject> {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  /** `name` marks the column kubectl treats as the name. */
  readonly format?: string;
  readonly description?: string;
  /** 0: always; 1: with `-o wide`. */
  readonly priority: 0 | 1;
  /** The cell; `now` in milliseconds, for ages. */
  value(object: T, now: number): string | number | boolean | null;
}

/** A version of a kind that is accepted and served beside the stored one, for old clients. */
export interface LegacyVersion {
  readonly group: string;
  readonly version: string;
  /** Sent as a Warning header, unless empty. */
  readonly warning: string;
  /** Where it differs from the stored version's. */
  readonly schema?: Schema;
  /** Where they differ from the stored version's. */
  readonly columns?: readonly Column[];
  /** Which of the two subresources this version has, where they differ from the stored version's. */
  readonly parts?: Parts;
  /** Fields for field selectors, where they go by other names: as this version has them -> as the stored one has. */
  readonly selectableFields?: Readonly<Record<string, string>>;
  /** The object in the stored version; absent when only apiVersion differs. */
  upgrade?(object: AnyObject): AnyObject;
  /** The object as the old version shows it; absent when only apiVersion differs. */
  downgrade?(object: AnyObject): AnyObject;
}

/** The subresources that look at a part of an object. */
export interface Parts {
  readonly status: boolean;
  readonly scale?: ScaleSubresource;
}

export interface ScaleSubresource {
  /** JSON paths as in a CRD: `.spec.replicas`. */
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string;
}

/** A subresource besides `status` and `scale`, as discovery lists it. */
export interface Subresource {
  readonly name: string;
  /** The type of its body. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
  /** What is posted may have no body at all. */
  readonly bodyOptional?: boolean;
}

/** All that the API server knows of a kind. */
export interface KindDef<T extends KubeObject = AnyObject> {
  readonly resource: Resource<T>;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Of the whole object. */
  readonly schema: Schema;
  readonly status: boolean;
  readonly scale?: ScaleSubresource;
  /** Sent as a Warning header to who asks about its objects in the stored version. */
  readonly warning?: string;
  /** What can be done with its objects; all when absent. Reviews are only created: answered, and not kept. Metrics are only read. */
  readonly verbs?: readonly string[];
  /** Those besides `status` and `scale`. */
  readonly subresources?: readonly Subresource[];
  /**
   * Fills in defaults, in place, on a copy that nobody else holds. Runs before `validate`, on create and update; what the
   * server once allotted is carried over from `old`.
   */
  default?(object: T, old?: T): void;
  /**
   * What is wrong with the object, its metadata included, beyond its schema; with field paths as Kubernetes phrases them.
   * Called on objects whose fields have the types of the schema. Of Kubernetes' own kinds, what the schema requires or
   * enumerates is checked here too, as the real server does not check it by schema. `subresource`: the part that was written;
   * `apiVersion`: the version that it was written in, where that is not the stored one.
   */
  validate?(object: T, old: T | undefined, subresource?: string, apiVersion?: string): StatusCause[];
  /** Shown by `kubectl get`; the name column is part of it. */
  readonly columns: readonly Column<T>[];
  readonly legacy: readonly LegacyVersion[];
  /** Fields usable in field selectors besides metadata.name and metadata.namespace, as dotted paths. */
  readonly selectableFields: readonly string[];
  /** True for kinds that come from a CustomResourceDefinition: patched by merge, pruned by schema. */
  readonly custom: boolean;
  /** The webhook that knows how versions differ; absent: in what `legacy` says of them. */
  readonly conversion?: WebhookConversion;
  /** Of a built-in kind that is custom elsewhere: the definition it seems to come from. Made anew each time. */
  readonly definition?: () => CustomResourceDefinition;
}

/** True for kinds whose objects are in the store. */
export function isKept({ verbs }: Pick<KindDef, 'verbs'>): boolean {
  return verbs === undefined || verbs.includes('delete');
}
