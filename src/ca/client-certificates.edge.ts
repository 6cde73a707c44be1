/** Certificates by which users are known to the API server. */
import { issueLeaf, pem, readIssuer, x509, type KeyPair } from './x509.edge.ts';

/** Reads requests (PKCS #10, PEM) and makes certificates of them. Both throw for a request that is damaged or not signed by its own key. */
export interface ClientCertificates {
  /** Whom a request speaks of: the user's names, and the groups. */
  subjectOf(request: string): Promise<{ readonly names: readonly string[]; readonly groups: readonly string[] }>;
  /** A certificate, PEM, for the subject of the request, good for `lifeMs` from `now` and for nothing but to be known by. */
  issue(request: string, lifeMs: number, now: number): Promise<string>;
}

export function clientCertificates(authority: KeyPair): ClientCertificates {
  return {
    async subjectOf(request) {
      const { subjectName } = await read(request);
      return { names: subjectName.getField('CN'), groups: subjectName.getField('O') };
    },
    async issue(request, lifeMs, now) {
      const { subjectName, publicKey } = await read(request);
      const certificate = await issueLeaf(
        await readIssuer(authority),
        {
          subject: subjectName,
          publicKey,
          keyUsages: x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment,
          purposes: [x509.ExtendedKeyUsage.clientAuth],
        },
        now,
        lifeMs,
      );
      return pem(certificate);
    },
  };
}

async function read(request: string): Promise<x509.Pkcs10CertificateRequest> {
  const csr = new x509.Pkcs10CertificateRequest(request);
  if (!(await csr.verify())) throw new Error('the request is not signed by the key in it');
  return csr;
}
