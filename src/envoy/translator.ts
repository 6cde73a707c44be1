import type { Problem, Proxy, Snapshot } from '../mesh/index.ts';
import type { ProxyResources } from './resource.ts';

/**
 * Snapshot in, Envoy resources out. Total: whatever users wrote, every proxy gets a configuration and what could not be
 * honoured is a problem of its object. Everything is remembered by the identity of what it was made of.
 */
export interface Translator {
  /** Takes the snapshot over. Returns the problems of every object; the same array as before when nothing changed. */
  update(snapshot: Snapshot): readonly Problem[];
  /**
   * What this proxy is to hold under the last snapshot. A resource that did not change is the same object as before, a map in
   * which nothing changed is the same map, and the whole is the same object when no map changed.
   */
  resources(proxy: Proxy): ProxyResources;
}
