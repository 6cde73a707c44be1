import { Fault } from '../base/index.ts';
import { spiffeId, type Identity } from './identity.ts';
import {
  ALGORITHM,
  BACKDATE_MS,
  createAuthority,
  exportKey,
  generateKeys,
  importSigningKey,
  pem,
  x509,
  type KeyPair,
} from './x509.edge.ts';

const HOUR = 3_600_000;
const ROOT_LIFE_MS = 10 * 365 * 24 * HOUR;
/** Life of a workload certificate; Istio's default. */
const WORKLOAD_LIFE_MS = 24 * HOUR;

/** A certificate with its key. Times are milliseconds since the epoch. */
export interface IssuedCertificate {
  /** Leaf first; the root is not part of it. */
  readonly certChainPem: string;
  /** PKCS #8. A secret. */
  readonly keyPem: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface Ca {
  /** What peers verify against, PEM. */
  readonly rootCertPem: string;
  readonly trustDomain: string;
  /** A fresh key and a certificate for it, valid for 24 h from `now`, for both ends of mTLS. */
  issue(identity: Identity, now: number): Promise<IssuedCertificate>;
}

/** Makes a new root of trust, valid for ten years from `now`. */
export function createRoot(trustDomain: string, now: number): Promise<KeyPair> {
  return createAuthority(`CN=Sluice root CA, O=${trustDomain}`, now, ROOT_LIFE_MS);
}

/** Throws a Fault when the root is damaged, its key is another's, or it has expired at `now`. */
export async function createCa(options: { readonly root: KeyPair; readonly trustDomain: string; readonly now: number }): Promise<Ca> {
  const { root, trustDomain } = options;
  const { certificate, key } = await readRoot(root);
  if (options.now > certificate.notAfter.getTime()) {
    throw new Fault('RootExpired', `the root certificate expired at ${certificate.notAfter.toISOString()}`, {
      hint: 'Move the pki directory of this instance away and start again: a new root is made and every proxy is given new certificates.',
    });
  }
  const authorityKey = await x509.AuthorityKeyIdentifierExtension.create(certificate.publicKey);
  return {
    rootCertPem: pem(certificate),
    trustDomain,
    async issue(identity, now) {
      const keys = await generateKeys();
      const notBefore = now - BACKDATE_MS;
      const notAfter = Math.min(now + WORKLOAD_LIFE_MS, certificate.notAfter.getTime());
      const leaf = await x509.X509CertificateGenerator.create({
        issuer: certificate.subject,
        notBefore: new Date(notBefore),
        notAfter: new Date(notAfter),
        publicKey: keys.publicKey,
        signingKey: key,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
          // The subject is empty, so the name must be critical (RFC 5280, 4.2.1.6).
          new x509.SubjectAlternativeNameExtension([{ type: 'url', value: spiffeId(trustDomain, identity) }], true),
          authorityKey,
        ],
      });
      return { certChainPem: pem(leaf), keyPem: await exportKey(keys.privateKey), notBefore, notAfter };
    },
  };
}

async function readRoot(root: KeyPair): Promise<{ certificate: x509.X509Certificate; key: CryptoKey }> {
  const hint = 'Restore both files of the root from a backup, or move the pki directory away to start with a new root.';
  let certificate: x509.X509Certificate;
  let key: CryptoKey;
  try {
    certificate = new x509.X509Certificate(root.certPem);
    key = await importSigningKey(root.keyPem);
  } catch (cause) {
    throw new Fault('RootUnreadable', 'the root certificate or its key cannot be read', { hint, cause });
  }
  const probe = new Uint8Array([1]);
  const signature = await crypto.subtle.sign(ALGORITHM, key, probe);
  const publicKey = await certificate.publicKey.export(ALGORITHM, ['verify']);
  if (!(await crypto.subtle.verify(ALGORITHM, publicKey, signature, probe))) {
    throw new Fault('RootMismatch', 'the root certificate and the root key do not belong together', { hint });
  }
  return { certificate, key };
}
