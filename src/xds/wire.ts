import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { EnvoyResource } from '../envoy/index.ts';

/** What a proxy says of itself (`envoy.config.core.v3.Node`), as far as we read it. */
export interface Node {
  readonly id: string;
  readonly cluster: string;
}

/** `envoy.service.discovery.v3.DeltaDiscoveryRequest`. */
export interface DeltaRequest {
  /** Present on the first message of a stream. */
  readonly node?: Node | undefined;
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** What the proxy holds from an earlier stream: name -> version. */
  readonly initialVersions: ReadonlyMap<string, string>;
  /** The response this one answers; empty when it answers none. */
  readonly nonce: string;
  /** Present when the response was refused. */
  readonly error?: string | undefined;
}

/** `envoy.service.discovery.v3.DeltaDiscoveryResponse`. */
export interface DeltaResponse {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly resources: readonly EnvoyResource[];
  readonly removed: readonly string[];
}

/** Throws on bytes that are not such a message. */
export function decodeRequest(bytes: Uint8Array): DeltaRequest {
  const r = new BinaryReader(bytes);
  let node: Node | undefined;
  let typeUrl = '';
  const subscribe: string[] = [];
  const unsubscribe: string[] = [];
  const initialVersions = new Map<string, string>();
  let nonce = '';
  let error: string | undefined;
  while (r.pos < r.len) {
    const [field, type] = r.tag();
    if (field === 1) node = decodeNode(r.bytes());
    else if (field === 2) typeUrl = r.string();
    else if (field === 3) subscribe.push(r.string());
    else if (field === 4) unsubscribe.push(r.string());
    else if (field === 5) {
      const [name, version] = decodeStrings(r.bytes(), [1, 2]);
      initialVersions.set(name!, version!);
    } else if (field === 6) nonce = r.string();
    else if (field === 7) [error] = decodeStrings(r.bytes(), [2]);
    else r.skip(type);
  }
  return { node, typeUrl, subscribe, unsubscribe, initialVersions, nonce, error };
}

function decodeNode(bytes: Uint8Array): Node {
  const [id, cluster] = decodeStrings(bytes, [1, 2]);
  return { id: id!, cluster: cluster! };
}

/** The named string fields of a message, the rest skipped; absent ones are empty. */
function decodeStrings(bytes: Uint8Array, fields: readonly number[]): string[] {
  const out = fields.map(() => '');
  const r = new BinaryReader(bytes);
  while (r.pos < r.len) {
    const [field, type] = r.tag();
    const i = fields.indexOf(field);
    if (i >= 0 && type === WireType.LengthDelimited) out[i] = r.string();
    else r.skip(type);
  }
  return out;
}

/** The resource as it stands in a response, field tag and `Any` included: made once, shared by every proxy and every push. */
const framed = new WeakMap<EnvoyResource, Uint8Array>();

function frame(resource: EnvoyResource): Uint8Array {
  let bytes = framed.get(resource);
  if (!bytes) {
    const w = new BinaryWriter();
    w.tag(2, WireType.LengthDelimited).fork();
    w.tag(3, WireType.LengthDelimited).string(resource.name);
    w.tag(1, WireType.LengthDelimited).string(resource.version);
    if (resource.bytes.length > 0) {
      w.tag(2, WireType.LengthDelimited).fork();
      w.tag(1, WireType.LengthDelimited).string(resource.typeUrl);
      w.tag(2, WireType.LengthDelimited).bytes(resource.bytes);
      w.join();
    } else {
      // There is none: Envoy knows by the alias which question this answers.
      w.tag(4, WireType.LengthDelimited).string(resource.name);
    }
    bytes = w.join().finish();
    framed.set(resource, bytes);
  }
  return bytes;
}

export function encodeResponse(response: DeltaResponse): Buffer {
  const rest = new BinaryWriter();
  rest.tag(4, WireType.LengthDelimited).string(response.typeUrl);
  rest.tag(5, WireType.LengthDelimited).string(response.nonce);
  for (const name of response.removed) rest.tag(6, WireType.LengthDelimited).string(name);
  return Buffer.concat([...response.resources.map(frame), rest.finish()]);
}
