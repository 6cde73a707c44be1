/** A proxy as the mesh sees it: what it may be told depends on nothing else. */
export interface Proxy {
  /** `pod.namespace`. */
  readonly id: string;
  readonly kind: 'sidecar' | 'gateway';
  readonly namespace: string;
  readonly pod: string;
  readonly ip: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  /** Name of the Deployment (or other owner) the pod belongs to; `istio_*` metrics call it workload. */
  readonly workload: string;
}
