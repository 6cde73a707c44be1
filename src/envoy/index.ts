export { TypeUrl, type EnvoyResource, type ProxyResources } from './resource.ts';
export { createTranslator, type Translator } from './translator.ts';
export type { Origins } from './origins.ts';
export { bootstrap, relayBootstrap } from './bootstrap.ts';
export { decode, encode } from './encode.ts';
export type { Json } from './json.ts';
export { explain } from './explain.ts';
export type * from './explain-types.ts';
export type { SeenRequest } from './evaluate.ts';
