export type { ProxyState } from './hub.ts';
export type { SecretMaterial } from './secret.ts';
export type { LoggedRequest } from './request-log.ts';
export { startXds, type Xds, type XdsOptions } from './server.edge.ts';
