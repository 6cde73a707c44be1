export { TypeUrl, type EnvoyResource, type ProxyResources } from './resource.ts';
