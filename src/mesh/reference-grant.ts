import type { gatewayApi } from '../api/index.ts';

export const GATEWAY_GROUP = 'gateway.networking.k8s.io';

/** `Pod`, or `Bucket.a.example`. */
export const kindName = (group: string, kind: string): string => (group ? `${kind}.${group}` : kind);

interface From {
  readonly kind: string;
  readonly namespace: string;
}

interface To {
  /** Of the core group. */
  readonly kind: 'Service' | 'Secret' | 'ConfigMap';
  readonly namespace: string;
  readonly name: string;
}

/** Whether an object may refer to another: always in its own namespace, elsewhere by a ReferenceGrant there. */
export function mayRefer(from: From, to: To, grants: readonly gatewayApi.ReferenceGrant[]): boolean {
  if (from.namespace === to.namespace) return true;
  return grants.some(
    ({ metadata, spec }) =>
      metadata?.namespace === to.namespace &&
      spec.from.some((f) => f.group === GATEWAY_GROUP && f.kind === from.kind && f.namespace === from.namespace) &&
      spec.to.some((t) => t.group === '' && t.kind === to.kind && (!t.name || t.name === to.name)),
  );
}
