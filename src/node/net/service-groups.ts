import type { Service } from 'kubernetes-types/core/v1.js';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';

/** A service and the slices that say where it is, IPv4 alone. */
export interface ServiceGroup {
  /** `namespace/name`. */
  readonly key: string;
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
}

const SERVICE_NAME = 'kubernetes.io/service-name';
const NONE: readonly EndpointSlice[] = [];

/** In order of their keys. */
export function groupServices(services: Iterable<Service>, slices: Iterable<EndpointSlice>): ServiceGroup[] {
  const slicesOf = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const service = slice.metadata?.labels?.[SERVICE_NAME];
    if (slice.addressType !== 'IPv4' || service === undefined) continue;
    const key = `${slice.metadata?.namespace}/${service}`;
    const known = slicesOf.get(key);
    if (known) known.push(slice);
    else slicesOf.set(key, [slice]);
  }
  return Array.from(services, (service) => {
    const key = `${service.metadata?.namespace}/${service.metadata?.name}`;
    return { key, service, slices: slicesOf.get(key) ?? NONE };
  }).toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

/**
 * What `make` says of each group, made anew only where an object of the group is another one than the last time: what is said of
 * a large mesh costs what changed in it. Where the same is said again, it is the same object.
 */
export function ofEachService<T>(make: (group: ServiceGroup) => T): (groups: readonly ServiceGroup[]) => T[] {
  let known = new Map<string, { readonly group: ServiceGroup; readonly made: T }>();
  return (groups) => {
    const now = new Map<string, { readonly group: ServiceGroup; readonly made: T }>();
    for (const group of groups) {
      const before = known.get(group.key);
      if (before && sameObjects(before.group, group)) now.set(group.key, before);
      else {
        const made = make(group);
        const again = before && JSON.stringify(before.made) === JSON.stringify(made);
        now.set(group.key, { group, made: again ? before.made : made });
      }
    }
    known = now;
    return Array.from(now.values(), (v) => v.made);
  };
}

function sameObjects(a: ServiceGroup, b: ServiceGroup): boolean {
  return a.service === b.service && a.slices.length === b.slices.length && a.slices.every((slice, i) => slice === b.slices[i]);
}
