import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const KEY: EcKeyGenParams & EcdsaParams = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY = 86_400_000;
const AUTHORITY_LIFE_MS = 3650 * DAY;
const SERVER_LIFE_MS = 365 * DAY;
/** A server certificate that has less left is made anew. */
const RENEW_MS = 30 * DAY;
/** Valid from a little earlier, for clients whose clock is behind. */
const BACKDATE_MS = 300_000;

/** What the API server is known by. PEM; `key` and `adminToken` are secrets. */
export interface ServerPki {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** The bearer token of the generated kubeconfig. */
  readonly adminToken: string;
}

const SERVER_NAMES: x509.JsonGeneralNames = [
  { type: 'ip', value: '127.0.0.1' },
  { type: 'ip', value: '10.96.0.1' },
  ...['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'].map(
    (value) => ({ type: 'dns', value }) as const,
  ),
];

/**
 * The API server's own authority, certificate and admin token, kept in `dir` (`api-ca.*`, `api.*`, `admin.token`; 0600):
 * made when they are missing, the certificate also when it is about to expire, so that a kubeconfig stays good.
 */
export async function loadServerPki(dir: string, now: number): Promise<ServerPki> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const authority = await kept(dir, 'api-ca', () => createAuthority(now));
  const server = await kept(
    dir,
    'api',
    () => issueServer(authority, now),
    (pair) => isCurrent(pair.cert, now),
  );
  const token = read(join(dir, 'admin.token'))?.trim() || randomBytes(32).toString('base64url');
  write(join(dir, 'admin.token'), `${token}\n`);
  return { ca: authority.cert, cert: server.cert, key: server.key, adminToken: token };
}

interface Pair {
  readonly cert: string;
  readonly key: string;
}

async function kept(dir: string, name: string, make: () => Promise<Pair>, isGood: (pair: Pair) => boolean = () => true): Promise<Pair> {
  const cert = read(join(dir, `${name}.crt`));
  const key = read(join(dir, `${name}.key`));
  if (cert && key && isGood({ cert, key })) return { cert, key };
  const made = await make();
  write(join(dir, `${name}.key`), made.key);
  write(join(dir, `${name}.crt`), made.cert);
  return made;
}

function isCurrent(cert: string, now: number): boolean {
  return new x509.X509Certificate(cert).notAfter.getTime() - now > RENEW_MS;
}

async function createAuthority(now: number): Promise<Pair> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Sluice API authority',
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + AUTHORITY_LIFE_MS),
    keys,
    signingAlgorithm: KEY,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: pem(certificate), key: await exportKey(keys.privateKey) };
}

async function issueServer(authority: Pair, now: number): Promise<Pair> {
  const issuer = new x509.X509Certificate(authority.cert);
  const signingKey = await crypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(authority.key), KEY, false, ['sign']);
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=kube-apiserver',
    issuer: issuer.subject,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(Math.min(now + SERVER_LIFE_MS, issuer.notAfter.getTime())),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: KEY,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(SERVER_NAMES),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { cert: pem(certificate), key: await exportKey(keys.privateKey) };
}

function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
}

async function exportKey(key: CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function write(file: string, text: string): void {
  if (read(file) === text) return;
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
