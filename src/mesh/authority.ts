/** Certificates of authorities, which objects of the Gateway API keep in ConfigMaps. */
import { X509Certificate } from 'node:crypto';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { kindName } from './reference-grant.ts';

interface Ref {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace: string;
  readonly name: string;
}

/** Why there are none: what is named is no ConfigMap at all, or there is nothing of use in it. */
export interface NoAuthority {
  readonly kind: boolean;
  readonly message: string;
}

/** What is in `ca.crt` of the ConfigMap, as PEM. */
export function authorityIn(
  { group = '', kind = 'ConfigMap', namespace, name }: Ref,
  configMaps: ReadonlyMap<string, ConfigMap>,
): string | NoAuthority {
  if (group !== '' || kind !== 'ConfigMap')
    return { kind: true, message: `Certificates of authorities are in a ConfigMap, not in a ${kindName(group, kind)}.` };
  const key = `${namespace}/${name}`;
  const map = configMaps.get(key);
  const pem = map?.data?.['ca.crt'];
  if (pem && isCertificates(pem)) return pem.trim();
  if (!map) return { kind: false, message: `There is no ConfigMap ${key}.` };
  return {
    kind: false,
    message: pem ? `What is in ca.crt of ConfigMap ${key} is no certificate in PEM.` : `ConfigMap ${key} has no ca.crt.`,
  };
}

/** Envoy refuses the whole cluster or listener for a single certificate that it cannot read. */
function isCertificates(pem: string): boolean {
  const blocks = pem.match(/-----BEGIN [A-Z ]+-----[^-]*-----END [A-Z ]+-----/g) ?? [];
  try {
    return blocks.length > 0 && blocks.every((b) => Boolean(new X509Certificate(b)));
  } catch {
    return false;
  }
}
