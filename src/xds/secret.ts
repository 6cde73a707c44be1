import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { sha256Hex } from '../base/index.ts';
import { TypeUrl, type EnvoyResource } from '../envoy/index.ts';

/** What a proxy is given over SDS. Keys are secrets: never logged, kept in memory only. */
export type SecretMaterial =
  | { readonly kind: 'identity'; readonly certChainPem: string; readonly keyPem: string }
  /** Whom to trust, and of what these have issued what they have taken back. */
  | { readonly kind: 'trust'; readonly caPem: string; readonly crlPem?: string };

/** `envoy.extensions.transport_sockets.tls.v3.Secret` under the name that the proxy asked for. */
export function encodeSecret(name: string, material: SecretMaterial): EnvoyResource {
  const w = new BinaryWriter();
  w.tag(1, WireType.LengthDelimited).string(name);
  if (material.kind === 'identity') {
    w.tag(2, WireType.LengthDelimited).fork();
    dataSource(w, 1, material.certChainPem);
    dataSource(w, 2, material.keyPem);
    w.join();
  } else {
    w.tag(4, WireType.LengthDelimited).fork();
    dataSource(w, 1, material.caPem);
    if (material.crlPem) dataSource(w, 7, material.crlPem);
    w.join();
  }
  const bytes = w.finish();
  return { typeUrl: TypeUrl.secret, name, version: sha256Hex(bytes, 16), bytes };
}

/** `DataSource.inline_bytes`. */
function dataSource(w: BinaryWriter, field: number, pem: string): void {
  w.tag(field, WireType.LengthDelimited).fork();
  w.tag(2, WireType.LengthDelimited).bytes(Buffer.from(pem));
  w.join();
}
