/** Asks istiod as istioctl does: one request over the state-of-the-world form of ADS, with TLS that is not looked at. */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { Client, credentials, Metadata, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { encode } from '../../src/envoy/index.ts';

const REQUEST = 'type.googleapis.com/envoy.service.discovery.v3.DiscoveryRequest';
const METHOD = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';

export interface Answer {
  readonly typeUrl: string;
  readonly resources: readonly Uint8Array[];
}

/** The answer, or `<status code> <details>`. */
export async function askIstiod(target: string, token: string, typeUrl: string, names: readonly string[] = []): Promise<Answer | string> {
  const client = new Client(target, credentials.createSsl(null, null, null, { rejectUnauthorized: false }));
  const metadata = new Metadata();
  if (token) metadata.set('authorization', `Bearer ${token}`);
  const as = (bytes: Buffer): Buffer => bytes;
  const stream: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(METHOD, as, as, metadata);
  try {
    return await new Promise<Answer | string>((resolve) => {
      stream.on('data', (bytes: Buffer) => resolve({ typeUrl: text(bytesOf(bytes, 4)[0]), resources: bytesOf(bytes, 2) }));
      stream.on('error', ({ code, details }: ServiceError) => resolve(`${code} ${details}`));
      stream.write(Buffer.from(encode(REQUEST, { type_url: typeUrl, resource_names: names })));
    });
  } finally {
    stream.on('error', () => {});
    stream.cancel();
    client.close();
  }
}

/** The fields of a message, as they come. */
export function fieldsOf(bytes: Uint8Array): [field: number, value: Uint8Array | number][] {
  const r = new BinaryReader(bytes);
  const out: [number, Uint8Array | number][] = [];
  while (r.pos < r.len) {
    const [field, type] = r.tag();
    out.push([field, type === WireType.Varint ? r.int32() : r.bytes()]);
  }
  return out;
}

export const bytesOf = (message: Uint8Array, field: number): Uint8Array[] =>
  fieldsOf(message).flatMap(([f, value]) => (f === field ? [value as Uint8Array] : []));

export const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();
