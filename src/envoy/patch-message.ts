/** What users write of Envoy's messages, read and laid over ours as protobuf merges messages. */
import { fromJson, toJson, type DescField, type DescMessage, type JsonValue } from '@bufbuild/protobuf';
import { envoyTypes } from './descriptors.edge.ts';
import type { Json } from './json.ts';

function messageNamed(name: string): DescMessage {
  const desc = envoyTypes().getMessage(name);
  if (!desc) throw new Error(`this Envoy has no message ${name}`);
  return desc;
}

/** The message as we write it: names of fields as in the .proto, no defaults. Throws on what Envoy has no field or message for. */
export function canonical(type: string, value: Json): Json {
  const desc = messageNamed(type);
  const registry = envoyTypes();
  return toJson(desc, fromJson(desc, value as JsonValue, { registry }), { registry, useProtoFieldName: true }) as Json;
}

export interface MergeOptions {
  /** Lists take the place of those before, instead of being added to them. */
  readonly replaceLists: boolean;
}

/** `over` laid over `base`; both as `canonical` gives them. */
export function merged(type: string, base: Json, over: Json, options: MergeOptions): Json {
  return mergeMessage(messageNamed(type), base, over, options);
}

function mergeMessage(desc: DescMessage, base: Json, over: Json, options: MergeOptions): Json {
  const out: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const field = desc.fields.find((f) => f.name === name);
    if (!field) continue;
    for (const other of field.oneof?.fields ?? []) if (other !== field) delete out[other.name];
    out[name] = mergeField(field, out[name], value, options);
  }
  return out;
}

function mergeField(field: DescField, base: unknown, over: unknown, options: MergeOptions): unknown {
  if (base === undefined) return over;
  if (field.fieldKind === 'list') return options.replaceLists ? over : [...(base as unknown[]), ...(over as unknown[])];
  if (field.fieldKind === 'map') return { ...(base as Json), ...(over as Json) };
  if (field.fieldKind !== 'message' || !isObject(base) || !isObject(over)) return over;
  switch (field.message.typeName) {
    case 'google.protobuf.Any':
      return mergeAny(base, over, options);
    case 'google.protobuf.Struct':
      return { ...base, ...over };
    case 'google.protobuf.Value':
      return over;
    default:
      return mergeMessage(field.message, base, over, options);
  }
}

/** Of two messages of one type the fields are merged; another type takes the place of the first. */
function mergeAny(base: Json, over: Json, options: MergeOptions): Json {
  const type = over['@type'];
  if (typeof type !== 'string' || type !== base['@type']) return over;
  const { '@type': _base, ...below } = base;
  const { '@type': _over, ...above } = over;
  return { '@type': type, ...mergeMessage(messageNamed(type.slice(type.lastIndexOf('/') + 1)), below, above, options) };
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
