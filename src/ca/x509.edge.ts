/** What all certificates here are made of: ECDSA P-256 keys, PEM. Making keys is randomness, hence an edge. */
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

export { x509 };

export const ALGORITHM: EcKeyGenParams & EcdsaParams = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** Certificates are valid from a little earlier, for peers whose clock is behind. */
export const BACKDATE_MS = 5 * 60_000;

/** A certificate and its PKCS #8 key, PEM. The key is a secret. */
export interface KeyPair {
  readonly certPem: string;
  readonly keyPem: string;
}

/** An authority that signs itself and only end entities; valid for `lifeMs` from `now`. */
export async function createAuthority(name: string, now: number, lifeMs: number): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + lifeMs),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: pem(certificate), keyPem: await exportKey(keys.privateKey) };
}

/** Who signs: its certificate and its key. */
export interface Issuer {
  readonly certificate: x509.X509Certificate;
  readonly key: CryptoKey;
}

/** What a certificate of an end entity says. */
export interface LeafClaims {
  readonly subject?: x509.X509CertificateCreateParamsName;
  readonly names?: x509.SubjectAlternativeNameExtension;
  readonly publicKey: CryptoKey | x509.PublicKey;
  readonly keyUsages: x509.KeyUsageFlags;
  readonly purposes: readonly x509.ExtendedKeyUsage[];
}

/** A certificate of an end entity, good for `lifeMs` from `now`, but never longer than its issuer's. */
export async function issueLeaf(
  { certificate, key }: Issuer,
  claims: LeafClaims,
  now: number,
  lifeMs: number,
): Promise<x509.X509Certificate> {
  return x509.X509CertificateGenerator.create({
    ...(claims.subject ? { subject: claims.subject } : {}),
    issuer: certificate.subjectName,
    // Less of a short life, so that half of it is still to come.
    notBefore: new Date(now - Math.min(BACKDATE_MS, lifeMs / 4)),
    notAfter: new Date(Math.min(now + lifeMs, certificate.notAfter.getTime())),
    publicKey: claims.publicKey,
    signingKey: key,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(claims.keyUsages, true),
      new x509.ExtendedKeyUsageExtension([...claims.purposes]),
      ...(claims.names ? [claims.names] : []),
      await x509.AuthorityKeyIdentifierExtension.create(certificate.publicKey),
    ],
  });
}

/** Throws when either part cannot be read. */
export async function readIssuer(pair: KeyPair): Promise<Issuer> {
  return { certificate: new x509.X509Certificate(pair.certPem), key: await importSigningKey(pair.keyPem) };
}

export function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function importSigningKey(keyPem: string): Promise<CryptoKey> {
  return crypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(keyPem), ALGORITHM, false, ['sign']);
}

export async function exportKey(key: CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

export function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}
