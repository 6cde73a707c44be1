import { readFileSync } from 'node:fs';

/** For each protobuf message of Kubernetes' own kinds: JSON field -> [protobuf number, type]. */
export type MessageFields = Readonly<Record<string, Readonly<Record<string, readonly [number: number, type: string]>>>>;

/** What the OpenAPI documents of the real server say of a field beside its type. */
export interface FieldFacts {
  /** The values there are: of the field, or of what a list or map holds. */
  readonly enum?: readonly string[];
  /** How server-side apply sees a list; atomic when absent. */
  readonly list?: 'map' | 'set';
  /** What tells the items of a list of kind `map` apart. */
  readonly keys?: readonly string[];
  /** The strategy of strategic merge patches, and the key they merge lists by. */
  readonly patch?: string;
  readonly key?: string;
  /** How server-side apply sees a map or a message; granular when absent. */
  readonly map?: 'atomic' | 'granular';
  readonly default?: unknown;
}

export interface MessageFacts {
  readonly required?: readonly string[];
  readonly map?: 'atomic' | 'granular';
  readonly fields?: Readonly<Record<string, FieldFacts>>;
}

let fields: MessageFields | undefined;
let facts: Readonly<Record<string, MessageFacts>> | undefined;

/** The fields of every message of Kubernetes' own kinds; read once, on first use. */
export function messageFields(): MessageFields {
  return (fields ??= read('kubernetes-protobuf-fields.json') as MessageFields);
}

/** What is known of messages and fields beyond their types, by short name (`core.v1.Container`); read once, on first use. */
export function messageFacts(): Readonly<Record<string, MessageFacts>> {
  return (facts ??= read('kubernetes-schema-facts.json') as Readonly<Record<string, MessageFacts>>);
}

function read(table: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../../../data/${table}`, import.meta.url), 'utf8'));
}
