import { fromBinary, fromJson, toBinary, toJson, type DescMessage, type JsonValue } from '@bufbuild/protobuf';
import { Fault, messageOf, sha256Hex } from '../base/index.ts';
import { envoyTypes } from './descriptors.edge.ts';
import type { Json } from './json.ts';
import type { EnvoyResource, TypeUrl } from './resource.ts';

function messageOfType(typeUrl: string): DescMessage {
  const desc = envoyTypes().getMessage(typeUrl.slice(typeUrl.lastIndexOf('/') + 1));
  if (!desc) throw new Fault('EnvoyTypeUnknown', `Envoy 1.40 has no message ${typeUrl}`);
  return desc;
}

/** Protobuf of a message given as JSON (field names as in the .proto, `Any` as `@type`). Throws on a field that does not exist. */
export function encode(typeUrl: string, json: Json): Uint8Array {
  const desc = messageOfType(typeUrl);
  return toBinary(desc, fromJson(desc, json as JsonValue, { registry: envoyTypes() }));
}

/** Bytes of a message; where the message has no place in protobuf, the reason, and bytes of no use. */
export interface Encoded {
  readonly bytes: Uint8Array;
  readonly unfit?: string;
}

/** As {@link encode}, of what users wrote: a number may be out of range, a text half a character, a patch in the wrong place. */
export function encoded(typeUrl: string, json: Json): Encoded {
  try {
    return { bytes: encode(typeUrl, json) };
  } catch (error) {
    const unfit = messageOf(error);
    return { bytes: Buffer.from(unfit), unfit };
  }
}

/** The message as JSON, with field names as in the .proto. */
export function decode(typeUrl: string, bytes: Uint8Array): Json {
  const desc = messageOfType(typeUrl);
  return toJson(desc, fromBinary(desc, bytes), { registry: envoyTypes(), useProtoFieldName: true }) as Json;
}

/** A resource out of bytes; its version is a digest of them. */
export function resource(typeUrl: TypeUrl, name: string, { bytes, unfit }: Encoded, from: readonly string[] = []): EnvoyResource {
  return { typeUrl, name, version: sha256Hex(bytes, 16), bytes, ...(unfit ? { unfit } : {}), ...(from.length ? { from } : {}) };
}

/** Wraps `bytes` as one more element of the repeated message field `field`: protobuf messages concatenate. */
export function repeated(field: number, bytes: Uint8Array): Uint8Array {
  const head = [...varint((field << 3) | 2), ...varint(bytes.length)];
  const out = new Uint8Array(head.length + bytes.length);
  out.set(head);
  out.set(bytes, head.length);
  return out;
}

function varint(n: number): number[] {
  const out: number[] = [];
  for (; n > 0x7f; n >>>= 7) out.push((n & 0x7f) | 0x80);
  out.push(n);
  return out;
}
