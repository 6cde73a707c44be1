export type { ExecSession, Kubelet, LogOptions } from './kubelet.ts';
export { createDialer, type Dialer } from './dialer.ts';
export type { Registry } from './registry.ts';
export { createRegistry } from './create-registry.ts';
export type { Admission } from './admission.ts';
export { ADMIN, tokenAuthenticator } from './auth/identity.ts';
export { mergeKubeconfig, removeFromKubeconfig, writeKubeconfig } from './auth/kubeconfig.edge.ts';
export { createKubeletClient } from './http/kubelet-client.edge.ts';
export { startApiServer } from './http/server.edge.ts';
