/** Who a workload is: its namespace and service account. */
export interface Identity {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** The SPIFFE ID as Istio writes it. */
export function spiffeId(trustDomain: string, identity: Identity): string {
  return `spiffe://${trustDomain}/ns/${identity.namespace}/sa/${identity.serviceAccount}`;
}
