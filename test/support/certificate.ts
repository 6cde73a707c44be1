/** Certificates of tests' own. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 2048 };
const HOUR = 3_600_000;

async function keysOf(algorithm: typeof EC | typeof RSA): Promise<CryptoKeyPair> {
  x509.cryptoProvider.set(webcrypto as Crypto);
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
}

async function pemOf(key: CryptoKey): Promise<string> {
  return x509.PemConverter.encode(Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)), 'PRIVATE KEY');
}

const validity = (): { notBefore: Date; notAfter: Date } => ({
  notBefore: new Date(Date.now() - 60_000),
  notAfter: new Date(Date.now() + HOUR),
});
const named = (host: string): x509.Extension => new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: host }]);

/** A certificate that vouches for itself, and its key, as PEM. */
export async function selfSigned(host: string, kind: 'EC' | 'RSA' = 'EC'): Promise<Certificate> {
  const algorithm = kind === 'EC' ? EC : RSA;
  const keys = await keysOf(algorithm);
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${host}`,
    keys,
    signingAlgorithm: algorithm,
    ...validity(),
    extensions: [named(host)],
  });
  return { cert: made.toString('pem'), key: await pemOf(keys.privateKey) };
}

/** Somebody who vouches for others, and takes that back. */
export interface Authority {
  readonly cert: string;
  issue(host: string): Promise<Certificate>;
  /** The list that says so, as PEM. */
  revoke(certificates: readonly Certificate[]): Promise<string>;
}

export async function authority(name: string): Promise<Authority> {
  const keys = await keysOf(EC);
  const own = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: EC,
    ...validity(),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  return {
    cert: own.toString('pem'),
    async issue(host) {
      const leaf = await keysOf(EC);
      const made = await x509.X509CertificateGenerator.create({
        subject: `CN=${host}`,
        issuer: own.subject,
        publicKey: leaf.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: EC,
        ...validity(),
        extensions: [named(host)],
      });
      return { cert: made.toString('pem'), key: await pemOf(leaf.privateKey) };
    },
    async revoke(certificates) {
      const list = await x509.X509CrlGenerator.create({
        issuer: own.subject,
        signingKey: keys.privateKey,
        signingAlgorithm: EC,
        thisUpdate: new Date(Date.now() - 60_000),
        nextUpdate: new Date(Date.now() + HOUR),
        entries: certificates.map(({ cert }) => ({
          serialNumber: new x509.X509Certificate(cert).serialNumber,
          revocationDate: new Date(),
          reason: x509.X509CrlReason.keyCompromise,
        })),
      });
      // The library's own name for it is one that nobody else knows.
      return x509.PemConverter.encode(list.rawData, 'X509 CRL');
    },
  };
}
