/** Certificates that clients of a Gateway have to show: `tls.frontend` of the Gateway API. */
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import type { gatewayApi } from '../api/index.ts';
import { authorityIn } from './authority.ts';
import type { Clients } from './entrance.ts';
import { mayRefer } from './reference-grant.ts';

/** Why a port is not served: without the roots that are named it would let in anybody. */
export interface Unchecked {
  readonly reason: 'InvalidCACertificateKind' | 'InvalidCACertificateRef' | 'RefNotPermitted';
  readonly message: string;
}

type Frontend = NonNullable<NonNullable<gatewayApi.Gateway['spec']['tls']>['frontend']>;

function validationOf({ spec }: gatewayApi.Gateway, port: number): NonNullable<Frontend['default']>['validation'] {
  const { frontend } = spec.tls ?? {};
  return (frontend?.perPort?.find((p) => p.port === port)?.tls ?? frontend?.default)?.validation;
}

/** Whom clients of a port are checked against; undefined where they need not show anything. */
export function clientsOf(
  gateway: gatewayApi.Gateway,
  port: number,
  grants: readonly gatewayApi.ReferenceGrant[],
  configMaps: ReadonlyMap<string, ConfigMap>,
): Clients | Unchecked | undefined {
  const { namespace: own = '' } = gateway.metadata ?? {};
  const validation = validationOf(gateway, port);
  if (!validation) return undefined;
  const found: string[] = [];
  for (const ref of validation.caCertificateRefs ?? []) {
    const { namespace = own, name } = ref;
    if (!mayRefer({ kind: 'Gateway', namespace: own }, { kind: 'ConfigMap', namespace, name }, grants))
      return {
        reason: 'RefNotPermitted',
        message: `No ReferenceGrant in ${namespace} lets Gateways of ${own} refer to ConfigMap ${name}.`,
      };
    const pem = authorityIn({ ...ref, namespace }, configMaps);
    if (typeof pem !== 'string') return { reason: pem.kind ? 'InvalidCACertificateKind' : 'InvalidCACertificateRef', message: pem.message };
    found.push(pem);
  }
  if (!found.length) return { reason: 'InvalidCACertificateRef', message: 'No certificates of authorities are named.' };
  return { trusted: `${found.join('\n')}\n`, optional: validation.mode === 'AllowInsecureFallback' };
}

/** Of all ConfigMaps those that Gateways name: the others may change as they like. */
export function authoritiesOf(
  gateways: Iterable<gatewayApi.Gateway>,
  configMaps: ReadonlyMap<string, ConfigMap>,
): ReadonlyMap<string, ConfigMap> {
  const named = new Map<string, ConfigMap>();
  for (const { metadata, spec } of gateways) {
    const { default: usual, perPort = [] } = spec.tls?.frontend ?? {};
    for (const tls of [usual, ...perPort.map((p) => p.tls)])
      for (const { namespace = metadata?.namespace, name } of tls?.validation?.caCertificateRefs ?? []) {
        const map = configMaps.get(`${namespace}/${name}`);
        if (map) named.set(`${namespace}/${name}`, map);
      }
  }
  return named;
}
