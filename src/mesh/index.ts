export type { Proxy } from './proxy.ts';
