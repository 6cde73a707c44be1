/**
 * What istiod tells of the mesh over xDS, as `istioctl proxy-status`, `version` and `x internal-debug` ask it: the state-of-the-world
 * form of ADS with types of its own (`pilot/pkg/xds/statusgen.go` and `debuggen.go` of Istio). Pure.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { decode, encode, TypeUrl, type Json } from '../../envoy/index.ts';
import { ISTIO_VERSION } from '../../mesh/index.ts';
import { answer, type Istiod, type KnownProxy } from './istiod.ts';

/** What of a `DiscoveryRequest` we read. */
export interface Asked {
  readonly typeUrl: string;
  readonly names: readonly string[];
}

/** An `Any`. */
export interface Told {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

const DEBUG = 'istio.io/debug';
const REQUEST = 'type.googleapis.com/envoy.service.discovery.v3.DiscoveryRequest';
const STRUCT = 'type.googleapis.com/google.protobuf.Struct';
const CLIENT_CONFIG = 'type.googleapis.com/envoy.service.status.v3.ClientConfig';

/** Throws on bytes that are no `DiscoveryRequest`. */
export function decodeAsked(bytes: Uint8Array): Asked {
  const { type_url: typeUrl = '', resource_names: names = [] } = decode(REQUEST, bytes) as { type_url?: string; resource_names?: string[] };
  return { typeUrl, names };
}

/** A `DiscoveryResponse`; `identifier` is who answers, as JSON. */
export function encodeTold(asked: Asked, told: readonly Told[], identifier: string, nonce: string): Buffer {
  const w = new BinaryWriter();
  for (const { typeUrl, value } of told) {
    w.tag(2, WireType.LengthDelimited).fork();
    w.tag(1, WireType.LengthDelimited).string(typeUrl);
    w.tag(2, WireType.LengthDelimited).bytes(value).join();
  }
  w.tag(4, WireType.LengthDelimited).string(asked.typeUrl);
  w.tag(5, WireType.LengthDelimited).string(nonce);
  w.tag(6, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(identifier).join();
  return Buffer.from(w.finish());
}

/** A sentence where there is no answer to what is asked. */
export function tell(istiod: Istiod, { typeUrl, names }: Asked): readonly Told[] | string {
  const [name = ''] = names;
  switch (typeUrl) {
    case `${DEBUG}/syncz`:
      return istiod.proxies().flatMap((p) => (p.state.connected ? [{ typeUrl: CLIENT_CONFIG, value: clientConfig(p) }] : []));
    case `${DEBUG}/config_dump`: {
      const { status, body } = answer(istiod, new URL(`/debug/config_dump?proxyID=${encodeURIComponent(name)}`, 'http://istiod'));
      if (status !== 200) return `there is no proxy ${name}`;
      const { configs } = body as { configs: (Json & { '@type': string })[] };
      return configs.map(({ '@type': type, ...rest }) => ({ typeUrl: type, value: encode(type, rest) }));
    }
    case DEBUG: {
      const { status, body } = answer(istiod, new URL(`/debug/${name}`, 'http://istiod'));
      if (status !== 200) return `there is no debug/${name}; ask for "list"`;
      return [{ typeUrl: DEBUG, value: Buffer.from(JSON.stringify(body)) }];
    }
    default:
      return `there is no ${typeUrl}; proxies of this mesh come by a socket of their own`;
  }
}

/** `ConfigStatus` of `envoy.service.status.v3`. */
const STATUS = { synced: 1, notSent: 2, stale: 3, error: 4 } as const;
const TYPES = ['cluster', 'listener', 'endpoint', 'route'] as const;

/** An `envoy.service.status.v3.ClientConfig`: Envoy itself, whose messages we know, has none. */
function clientConfig({ proxy, state }: KnownProxy): Uint8Array {
  const w = new BinaryWriter();
  w.tag(1, WireType.LengthDelimited).fork();
  w.tag(1, WireType.LengthDelimited).string(proxy.id);
  const metadata = { CLUSTER_ID: 'Kubernetes', ISTIO_VERSION, NAMESPACE: proxy.namespace };
  w.tag(3, WireType.LengthDelimited).bytes(encode(STRUCT, metadata)).join();
  for (const type of TYPES) {
    const refused = state.rejections.some((r) => r.typeUrl === TypeUrl[type]);
    w.tag(3, WireType.LengthDelimited).fork();
    w.tag(1, WireType.LengthDelimited).string(TypeUrl[type]);
    w.tag(6, WireType.Varint)
      .int32(STATUS[refused ? 'error' : state.sync[type]])
      .join();
  }
  return w.finish();
}
