/** TLS that clients speak by themselves, to servers that need not be of the mesh. */
import type { MeshService, Policy } from '../mesh/index.ts';
import { defined, extension, type Json } from './json.ts';
import { sanMatcher, UPSTREAM, userSecret } from './tls.ts';

type Tls = NonNullable<Policy['tls']>;

/** Authorities that the machine trusts. */
const MACHINE_ROOTS = '/etc/ssl/certs/ca-certificates.crt';

/** Checked against the machine's roots unless told otherwise, and by the name that the server was asked for. */
export function originateTls(tls: Tls, { host, subjectAltNames }: MeshService, alpn: readonly string[]): Json {
  const { mode, clientCertificate, privateKey, credentialName } = tls;
  const sni = tls.sni ?? (host.startsWith('*') ? undefined : host);
  const secret = credentialName && `kubernetes://${credentialName}`;
  return extension('envoy.transport_sockets.tls', UPSTREAM, {
    common_tls_context: defined({
      alpn_protocols: alpn.length ? alpn : undefined,
      ...(secret && mode === 'MUTUAL' ? { tls_certificate_sds_secret_configs: [userSecret(secret)] } : {}),
      tls_certificates:
        !secret && clientCertificate && privateKey
          ? [{ certificate_chain: { filename: clientCertificate }, private_key: { filename: privateKey } }]
          : undefined,
      ...(tls.insecureSkipVerify ? {} : validation(tls, namesOf(tls.subjectAltNames, subjectAltNames, sni), secret)),
    }),
    ...(sni ? { sni } : {}),
  });
}

/** What the server's certificate must have one of: as the client says, else as the service does, else what it was asked for. */
function namesOf(client: readonly string[] = [], service: readonly string[], sni: string | undefined): readonly string[] {
  return client.length ? client : service.length ? service : sni ? [sni] : [];
}

function validation(tls: Tls, sans: readonly string[], secret: string | undefined): Json {
  const names = sans.length ? { match_typed_subject_alt_names: sans.map(sanMatcher) } : {};
  if (secret) {
    const trusted = { default_validation_context: names, validation_context_sds_secret_config: userSecret(`${secret}-cacert`) };
    return { combined_validation_context: trusted };
  }
  const trusted = tls.trusted ? { inline_string: tls.trusted } : { filename: tls.caCertificates ?? MACHINE_ROOTS };
  return { validation_context: { trusted_ca: trusted, ...(tls.caCrl ? { crl: { filename: tls.caCrl } } : {}), ...names } };
}

/** Behind a host with a wildcard it is the request that says which server is meant; undefined where that is known without. */
export function namesByRequest(tls: Policy['tls'], { host, subjectAltNames }: MeshService): Json | undefined {
  if ((tls?.mode !== 'SIMPLE' && tls?.mode !== 'MUTUAL') || tls.sni || !host.startsWith('*')) return undefined;
  return {
    auto_sni: true,
    ...(tls.insecureSkipVerify || tls.subjectAltNames?.length || subjectAltNames.length ? {} : { auto_san_validation: true }),
  };
}
