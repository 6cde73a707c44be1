import { generateKeyPair, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { clientCertificates, type ClientCertificates } from './client-certificates.edge.ts';
import { readIfThere, writeWhole } from './files.edge.ts';
import { createAuthority, exportKey, generateKeys, issueLeaf, pem, readIssuer, x509, type KeyPair } from './x509.edge.ts';

const DAY = 86_400_000;
const AUTHORITY_LIFE_MS = 3650 * DAY;
const SERVER_LIFE_MS = 365 * DAY;
/** A server certificate that has less left is made anew. */
const RENEW_MS = 30 * DAY;
const TOKEN = 'admin.token';
const ACCOUNT_KEY = 'service-account.key';

/** What the API server is known by. PEM; `key`, `adminToken` and `accountKey` are secrets. */
export interface ServerPki {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** The bearer token of the generated kubeconfig. */
  readonly adminToken: string;
  /** RSA: signs the tokens of ServiceAccounts. */
  readonly accountKey: string;
  /** By the same authority. */
  readonly clients: ClientCertificates;
}

const SERVER_NAMES: x509.JsonGeneralNames = [
  { type: 'ip', value: '127.0.0.1' },
  { type: 'ip', value: '10.96.0.1' },
  ...['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'].map(
    (value) => ({ type: 'dns', value }) as const,
  ),
];

/**
 * The API server's own authority, certificate, admin token and key for accounts' tokens, kept in `dir` (`api-ca.*`, `api.*`,
 * `admin.token`, `service-account.key`; 0600): made when they are missing, the certificate also when it is about to expire, so that a kubeconfig stays good.
 */
export async function loadServerPki(dir: string, now: number): Promise<ServerPki> {
  const account = accountKey(dir);
  const authority = await kept(dir, 'api-ca', () => createAuthority('CN=Sluice API authority', now, AUTHORITY_LIFE_MS));
  const server = await kept(
    dir,
    'api',
    () => issueServer(authority, now),
    (pair) => new x509.X509Certificate(pair.certPem).notAfter.getTime() - now > RENEW_MS,
  );
  let adminToken = (await readIfThere(join(dir, TOKEN)))?.trim();
  if (!adminToken) {
    adminToken = randomBytes(32).toString('base64url');
    await writeWhole(dir, TOKEN, `${adminToken}\n`);
  }
  return {
    ca: authority.certPem,
    cert: server.certPem,
    key: server.keyPem,
    adminToken,
    accountKey: await account,
    clients: clientCertificates(authority),
  };
}

/** RSA, since clients that check tokens know no other algorithm for sure. */
async function accountKey(dir: string): Promise<string> {
  const there = await readIfThere(join(dir, ACCOUNT_KEY));
  if (there) return there;
  const { privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  await writeWhole(dir, ACCOUNT_KEY, privateKey);
  return privateKey;
}

async function kept(
  dir: string,
  name: string,
  make: () => Promise<KeyPair>,
  isGood: (pair: KeyPair) => boolean = () => true,
): Promise<KeyPair> {
  const [certPem, keyPem] = await Promise.all(['crt', 'key'].map((ending) => readIfThere(join(dir, `${name}.${ending}`))));
  if (certPem && keyPem && isGood({ certPem, keyPem })) return { certPem, keyPem };
  const made = await make();
  await writeWhole(dir, `${name}.key`, made.keyPem);
  await writeWhole(dir, `${name}.crt`, made.certPem);
  return made;
}

async function issueServer(authority: KeyPair, now: number): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await issueLeaf(
    await readIssuer(authority),
    {
      subject: 'CN=kube-apiserver',
      names: new x509.SubjectAlternativeNameExtension(SERVER_NAMES),
      publicKey: keys.publicKey,
      keyUsages: x509.KeyUsageFlags.digitalSignature,
      purposes: [x509.ExtendedKeyUsage.serverAuth],
    },
    now,
    SERVER_LIFE_MS,
  );
  return { certPem: pem(certificate), keyPem: await exportKey(keys.privateKey) };
}
