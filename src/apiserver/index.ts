export type { ExecOptions, ExecSession, Kubelet, LogOptions } from './kubelet.ts';
export type {
  Body,
  Deleted,
  DeleteQuery,
  Entry,
  EntryList,
  FieldValidation,
  ListQuery,
  PatchQuery,
  PatchType,
  Registry,
  SelectQuery,
  Target,
  User,
  WatchMessage,
  WatchQuery,
  WriteQuery,
  Written,
} from './registry.ts';
export { createRegistry } from './create-registry.ts';
export type { Admission, AdmissionRequest } from './admission.ts';
export type { Core } from './core.ts';
export { parseJson } from './json.ts';
export { ADMIN, ANONYMOUS, anyOf, NODE, tokenAuthenticator, type Authenticator } from './auth/identity.ts';
export { mergeKubeconfig, removeFromKubeconfig, writeKubeconfig } from './auth/kubeconfig.edge.ts';
export { kubeconfigPath, type KubeconfigEntry } from './auth/kubeconfig.ts';
export { createKubeletClient } from './http/kubelet-client.edge.ts';
export { startApiServer, type ApiServer, type ApiServerOptions } from './http/server.edge.ts';
