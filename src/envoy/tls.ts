import type { GatewayServer } from '../api/index.ts';
import { isCipher, type Clients } from '../mesh/index.ts';
import { ADS, any, defined, extension, type Json } from './json.ts';

/** What sidecars offer in ALPN, by what they will speak inside: servers tell mesh traffic by it. */
export const ALPN = {
  http: ['istio-http/1.1', 'istio', 'http/1.1'],
  http2: ['istio-h2', 'istio', 'h2'],
  tcp: ['istio-peer-exchange', 'istio'],
} as const;

/** ALPN of mTLS that carries HTTP for certain, and of any mTLS of the mesh. */
export const HTTP_ALPN = ['istio-http/1.0', 'istio-http/1.1', 'istio-h2'];
export const MESH_ALPN = ['istio', 'istio-peer-exchange', ...HTTP_ALPN];

export const UPSTREAM = 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';
const DOWNSTREAM = 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';

function secret(name: string): Json {
  return { name, sds_config: ADS };
}

/** A secret that users name and that may be missing: it must not keep the whole proxy from starting. */
export function userSecret(name: string): Json {
  return { name, sds_config: { ...ADS, initial_fetch_timeout: '2s' } };
}

export function sanMatcher(exact: string): Json {
  return { san_type: exact.includes('://') ? 'URI' : 'DNS', matcher: { exact } };
}

export const rawBuffer: Json = extension(
  'envoy.transport_sockets.raw_buffer',
  'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer',
);

/** mTLS with the workload's own certificate to a server that must be one of `identities`. */
export function meshTlsUpstream(sni: string, identities: readonly string[], alpn: readonly string[]): Json {
  return extension('envoy.transport_sockets.tls', UPSTREAM, {
    common_tls_context: {
      tls_params: { tls_minimum_protocol_version: 'TLSv1_2' },
      alpn_protocols: alpn,
      tls_certificate_sds_secret_configs: [secret('default')],
      combined_validation_context: {
        default_validation_context: identities.length ? { match_typed_subject_alt_names: identities.map(sanMatcher) } : {},
        validation_context_sds_secret_config: secret('ROOTCA'),
      },
    },
    sni,
  });
}

/** The server's side of mTLS: any workload of the trust domain is let in. */
export function meshTlsDownstream(trustDomain: string): Json {
  return extension('envoy.transport_sockets.tls', DOWNSTREAM, {
    common_tls_context: {
      tls_params: { tls_minimum_protocol_version: 'TLSv1_2' },
      alpn_protocols: ['istio-peer-exchange', 'h2', 'http/1.1'],
      tls_certificate_sds_secret_configs: [secret('default')],
      combined_validation_context: {
        default_validation_context: {
          match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { prefix: `spiffe://${trustDomain}/` } }],
        },
        validation_context_sds_secret_config: secret('ROOTCA'),
      },
    },
    require_client_certificate: true,
  });
}

type ServerTls = NonNullable<GatewayServer['tls']>;

const VERSION: Readonly<Record<string, string>> = {
  TLSV1_0: 'TLSv1_0',
  TLSV1_1: 'TLSv1_1',
  TLSV1_2: 'TLSv1_2',
  TLSV1_3: 'TLSv1_3',
};

/**
 * TLS that a gateway ends with certificates of Secrets. These are told as SDS knows them: `kubernetes://name` in the namespace of the
 * gateway, `kubernetes-gateway://namespace/name` in any; `authorities` has the roots of clients, unless these are given.
 */
export function gatewayTls(tls: ServerTls, credentials: readonly string[], authorities: string, clients?: Clients): Json {
  const { mode, minProtocolVersion: min, maxProtocolVersion: max } = tls;
  const ciphers = tls.cipherSuites?.filter(isCipher);
  const asks = mode === 'MUTUAL' || mode === 'OPTIONAL_MUTUAL';
  return extension('envoy.transport_sockets.tls', DOWNSTREAM, {
    common_tls_context: defined({
      tls_params: defined({
        tls_minimum_protocol_version: VERSION[min ?? ''] ?? 'TLSv1_2',
        tls_maximum_protocol_version: VERSION[max ?? ''],
        cipher_suites: ciphers?.length ? ciphers : undefined,
      }),
      alpn_protocols: ['h2', 'http/1.1'],
      tls_certificate_sds_secret_configs: credentials.map(userSecret),
      ...(clients ? givenValidation(clients) : asks ? clientValidation(tls, authorities) : {}),
    }),
    require_client_certificate: clients ? !clients.optional : mode === 'MUTUAL',
  });
}

function givenValidation({ trusted, optional }: Clients): Json {
  return {
    validation_context: {
      trusted_ca: { inline_string: trusted },
      ...(optional ? { trust_chain_verification: 'ACCEPT_UNTRUSTED' } : {}),
    },
  };
}

/** Which certificates of clients are taken: those of known authorities that are what is asked for besides, or any. */
function clientValidation(tls: ServerTls, authorities: string): Json {
  const orNone = <T>(list: readonly T[] = []): readonly T[] | undefined => (list.length ? list : undefined);
  const asked = defined({
    verify_certificate_hash: orNone(tls.verifyCertificateHash),
    verify_certificate_spki: orNone(tls.verifyCertificateSpki),
    match_typed_subject_alt_names: tls.insecureSkipVerify ? undefined : orNone(tls.subjectAltNames?.map(sanMatcher)),
  });
  if (!tls.insecureSkipVerify)
    return {
      combined_validation_context: { default_validation_context: asked, validation_context_sds_secret_config: userSecret(authorities) },
    };
  // Envoy does not insist on a certificate that it does not check: one that anybody may make keeps nobody out.
  return { validation_context: Object.keys(asked).length ? asked : { trust_chain_verification: 'ACCEPT_UNTRUSTED' } };
}

export const tlsInspector: Json = extension(
  'envoy.filters.listener.tls_inspector',
  'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector',
);
export const httpInspector: Json = extension(
  'envoy.filters.listener.http_inspector',
  'envoy.extensions.filters.listener.http_inspector.v3.HttpInspector',
);
export const originalDst: Json = {
  name: 'envoy.filters.listener.original_dst',
  typed_config: any('envoy.extensions.filters.listener.original_dst.v3.OriginalDst'),
};
