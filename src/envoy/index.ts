export { TypeUrl, type EnvoyResource, type ProxyResources } from './resource.ts';
export type { Translator } from './translator.ts';
