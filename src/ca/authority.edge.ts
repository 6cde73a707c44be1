import { Fault } from '../base/index.ts';
import { spiffeId, type Identity } from './identity.ts';
import {
  ALGORITHM,
  createAuthority,
  exportKey,
  generateKeys,
  issueLeaf,
  pem,
  readIssuer,
  x509,
  type Issuer,
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
  /** A fresh key and a certificate for it, for both ends of mTLS. */
  issue(identity: Identity, now: number): Promise<IssuedCertificate>;
}

/** Makes a new root of trust, valid for ten years from `now`. */
export function createRoot(trustDomain: string, now: number): Promise<KeyPair> {
  return createAuthority(`CN=Sluice root CA, O=${trustDomain}`, now, ROOT_LIFE_MS);
}

/** Throws a Fault when the root is damaged, its key is another's, or it has expired at `now`. */
export async function createCa(options: {
  readonly root: KeyPair;
  readonly trustDomain: string;
  readonly now: number;
  /** How long certificates of workloads are valid; 24 hours unless given. */
  readonly workloadLifeMs?: number;
}): Promise<Ca> {
  const { root, trustDomain, workloadLifeMs = WORKLOAD_LIFE_MS } = options;
  const issuer = await readRoot(root);
  const { certificate } = issuer;
  if (options.now > certificate.notAfter.getTime()) {
    throw new Fault('RootExpired', `the root certificate expired at ${certificate.notAfter.toISOString()}`, {
      hint: 'Move the pki directory of this instance away and start again: a new root is made and every proxy is given new certificates.',
    });
  }
  return {
    rootCertPem: pem(certificate),
    trustDomain,
    async issue(identity, now) {
      const keys = await generateKeys();
      const leaf = await issueLeaf(
        issuer,
        {
          // The subject is empty, so the name must be critical (RFC 5280, 4.2.1.6).
          names: new x509.SubjectAlternativeNameExtension([{ type: 'url', value: spiffeId(trustDomain, identity) }], true),
          publicKey: keys.publicKey,
          keyUsages: x509.KeyUsageFlags.digitalSignature,
          purposes: [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth],
        },
        now,
        workloadLifeMs,
      );
      return {
        certChainPem: pem(leaf),
        keyPem: await exportKey(keys.privateKey),
        notBefore: leaf.notBefore.getTime(),
        notAfter: leaf.notAfter.getTime(),
      };
    },
  };
}

async function readRoot(root: KeyPair): Promise<Issuer> {
  const hint = 'Restore both files of the root from a backup, or move the pki directory away to start with a new root.';
  const issuer = await readIssuer(root).catch((cause: unknown) => {
    throw new Fault('RootUnreadable', 'the root certificate or its key cannot be read', { hint, cause });
  });
  const probe = new Uint8Array([1]);
  const signature = await crypto.subtle.sign(ALGORITHM, issuer.key, probe);
  const publicKey = await issuer.certificate.publicKey.export(ALGORITHM, ['verify']);
  if (!(await crypto.subtle.verify(ALGORITHM, publicKey, signature, probe))) {
    throw new Fault('RootMismatch', 'the root certificate and the root key do not belong together', { hint });
  }
  return issuer;
}
