/** What a proxy is given over SDS: its own identity, the roots it trusts, and - for gateways - TLS secrets of its namespace. */
import { Pods, Secrets } from '../../api/index.ts';
import type { Identities } from '../../ca/index.ts';
import type { Informers } from '../../control/index.ts';
import type { SecretMaterial, XdsOptions } from '../../xds/index.ts';

/** `kubernetes://name` is of the proxy's own namespace; the other is the control plane's word, which has asked whether it may be. */
const CREDENTIAL = /^(?:kubernetes:\/\/(?:[^/]+\/)?|kubernetes-gateway:\/\/([^/]+)\/)([^/]+)$/;

const decoded = (base64: string | undefined): string => Buffer.from(base64 ?? '', 'base64').toString('utf8');

export function secretsFor(informers: Informers, identities: Identities, rootPem: string): XdsOptions['secrets'] {
  const pods = informers.of(Pods);
  const secrets = informers.of(Secrets);
  return async (proxyId, name): Promise<SecretMaterial | undefined> => {
    if (name === 'ROOTCA') return { kind: 'trust', caPem: rootPem };
    const dot = proxyId.indexOf('.');
    const [pod, namespace] = [proxyId.slice(0, dot), proxyId.slice(dot + 1)];
    await pods.synced;
    if (name === 'default') {
      const serviceAccount = pods.get({ namespace, name: pod })?.spec?.serviceAccountName;
      if (!serviceAccount) return undefined;
      const { certChainPem, keyPem } = await identities.certificate({ namespace, serviceAccount });
      return { kind: 'identity', certChainPem, keyPem };
    }
    const [, owner = namespace, credential] = CREDENTIAL.exec(name) ?? [];
    if (!credential) return undefined;
    await secrets.synced;
    const trust = credential.endsWith('-cacert');
    // The roots for clients may have a Secret of their own, or be beside the certificate.
    const bare = trust ? credential.slice(0, -'-cacert'.length) : credential;
    const data = (secrets.get({ namespace: owner, name: credential }) ?? secrets.get({ namespace: owner, name: bare }))?.data;
    if (!data) return undefined;
    if (trust) return trustIn(data);
    const [cert, key] = [data['tls.crt'] ?? data.cert, data['tls.key'] ?? data.key];
    return cert && key ? { kind: 'identity', certChainPem: decoded(cert), keyPem: decoded(key) } : undefined;
  };
}

/** The roots of clients, and the list of certificates that are revoked. */
function trustIn(data: Readonly<Record<string, string>>): SecretMaterial | undefined {
  const [ca, revoked] = [data['ca.crt'] ?? data['cacert'], data['ca.crl'] ?? data['crl']];
  return ca ? { kind: 'trust', caPem: decoded(ca), ...(revoked ? { crlPem: decoded(revoked) } : {}) } : undefined;
}
