/** Objects in the protobuf of Kubernetes' clients. */
import { readFileSync } from 'node:fs';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { AnyObject } from '../../src/api/index.ts';

type Table = Readonly<Record<string, Readonly<Record<string, readonly [number, string]>>>>;

const TABLE = JSON.parse(readFileSync(new URL('../../data/kubernetes-protobuf-fields.json', import.meta.url), 'utf8')) as Table;

/** The object in its envelope; undefined when its kind has no protobuf form. Fields of other types than their message's are left out. */
export function protobufOf(object: AnyObject): Buffer | undefined {
  const apiVersion = textOf(object.apiVersion);
  const kind = textOf(object.kind);
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['core', apiVersion];
  const message = `k8s.io.api.${group!.split('.')[0]}.${version}.${kind}`;
  if (!TABLE[message]) return undefined;
  const envelope = new BinaryWriter();
  envelope.tag(1, WireType.LengthDelimited).fork();
  envelope.tag(1, WireType.LengthDelimited).string(apiVersion).tag(2, WireType.LengthDelimited).string(kind);
  envelope.join().tag(2, WireType.LengthDelimited).bytes(encode(object, message));
  return Buffer.concat([Buffer.from('k8s\0'), envelope.finish()]);
}

function encode(value: unknown, message: string): Uint8Array {
  const writer = new BinaryWriter();
  const text = (field: number, s: string): BinaryWriter => writer.tag(field, WireType.LengthDelimited).string(s);
  if (message.endsWith('.Quantity')) return text(1, textOf(value)).finish();
  if (message.endsWith('.Time'))
    return writer
      .tag(1, WireType.Varint)
      .int64(Math.trunc(Date.parse(textOf(value)) / 1000) || 0)
      .finish();
  if (message.endsWith('.IntOrString')) {
    if (typeof value === 'string') return writer.tag(1, WireType.Varint).int64(1).tag(3, WireType.LengthDelimited).string(value).finish();
    return writer.tag(2, WireType.Varint).int32(int32(value)).finish();
  }
  if (message.endsWith('.RawExtension') || message.endsWith('.FieldsV1')) return text(1, textOf(value)).finish();
  if (value === null || typeof value !== 'object') return writer.finish();
  for (const [name, part] of Object.entries(value)) {
    const field = Object.hasOwn(TABLE[message]!, name) ? TABLE[message]![name] : undefined;
    if (!field) continue;
    const [number, type] = field;
    const map = /^map<string,(.+)>$/.exec(type)?.[1];
    const repeated = /^repeated (.+)$/.exec(type)?.[1];
    if (map && part !== null && typeof part === 'object') {
      for (const [key, item] of Object.entries(part as object)) {
        writer.tag(number, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(key);
        scalarOrMessage(writer, 2, map, item);
        writer.join();
      }
    } else if (repeated && Array.isArray(part)) part.forEach((item) => scalarOrMessage(writer, number, repeated, item));
    else if (!map && !repeated) scalarOrMessage(writer, number, type, part);
  }
  return writer.finish();
}

function scalarOrMessage(writer: BinaryWriter, field: number, type: string, value: unknown): void {
  switch (type) {
    case 'string':
      if (typeof value === 'string') writer.tag(field, WireType.LengthDelimited).string(value.toWellFormed());
      break;
    case 'bytes':
      if (typeof value === 'string') writer.tag(field, WireType.LengthDelimited).bytes(Buffer.from(value, 'base64'));
      break;
    case 'bool':
      writer.tag(field, WireType.Varint).bool(value === true);
      break;
    case 'int32':
    case 'int64':
      writer.tag(field, WireType.Varint).int32(int32(value));
      break;
    case 'double':
      writer.tag(field, WireType.Bit64).double(typeof value === 'number' ? value : 0);
      break;
    default:
      if (TABLE[type]) writer.tag(field, WireType.LengthDelimited).bytes(encode(value, type));
  }
}

function int32(value: unknown): number {
  return typeof value === 'number' ? Math.trunc(value) | 0 : 0;
}

function textOf(value: unknown): string {
  return (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).toWellFormed();
}
