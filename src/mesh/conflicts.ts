/** Objects that want the same place with different words; the older has it. */
import type { Service } from 'kubernetes-types/core/v1.js';
import { keyOf, type ServiceEntry } from '../api/index.ts';
import { byAge } from './age.ts';
import { fullHost } from './host.ts';
import type { Problem } from './problem.ts';
import { isHttp, protocolNamed, protocolOf } from './protocol.ts';

/** How many ports of younger objects are not told apart from those of others. */
export interface Conflicts {
  /** Container ports that Services of one selector call by different protocols. */
  readonly inbound: number;
  /** Ports of bytes without an address, of which there can be one in a mesh, and none where HTTP is spoken. */
  readonly tcpOverTcp: number;
  readonly tcpOverHttp: number;
}

export function conflictsOf(services: Iterable<Service>, entries: Iterable<ServiceEntry>): Conflicts {
  const inbound = new Map<string, string>();
  const http = new Set<number>();
  let [clashes, tcpOverTcp, tcpOverHttp] = [0, 0, 0];
  for (const { metadata, spec } of [...services].sort(byAge)) {
    const selector = JSON.stringify(Object.entries(spec?.selector ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
    for (const port of spec?.ports ?? []) {
      const protocol = protocolOf(port);
      if (isHttp(protocol)) http.add(port.port);
      const key = `${metadata?.namespace} ${selector} ${port.targetPort ?? port.port}`;
      const first = inbound.get(key) ?? protocol;
      inbound.set(key, first);
      if (first !== protocol && selector !== '[]') clashes++;
    }
  }
  const taken = new Set<number>();
  for (const { spec } of [...entries].sort(byAge)) {
    for (const { number, protocol } of spec?.addresses?.length ? [] : (spec?.ports ?? [])) {
      if (protocolNamed(protocol, number) !== 'tcp') continue;
      if (http.has(number)) tcpOverHttp++;
      else if (taken.has(number)) tcpOverTcp++;
      taken.add(number);
    }
  }
  return { inbound: clashes, tcpOverTcp, tcpOverHttp };
}

/** Ports that several entries give one host, with different protocols. */
export function protocolConflicts(entries: Iterable<ServiceEntry>, domain: string): Problem[] {
  const known = new Map<string, { readonly owner: ServiceEntry; readonly protocol: string }>();
  return [...entries].sort(byAge).flatMap((entry) => {
    const { namespace = '' } = entry.metadata ?? {};
    return (entry.spec?.ports ?? []).flatMap((port, i) =>
      (entry.spec?.hosts ?? []).flatMap((written): Problem[] => {
        const host = fullHost(written, namespace, domain);
        const protocol = (port.protocol ?? 'TCP').toUpperCase();
        const key = `${namespace} ${host} ${port.number}`;
        const first = known.get(key);
        if (!first) known.set(key, { owner: entry, protocol });
        if (!first || first.protocol === protocol || first.owner === entry) return [];
        const message = `ServiceEntry ${first.owner.metadata?.name}, which is older, says that port ${port.number} of ${host} speaks ${first.protocol}.`;
        const object = { kind: 'ServiceEntry', ...keyOf(entry) };
        return [{ object, severity: 'warning', code: 'IST0177', path: `spec.ports[${i}].protocol`, message, fix: 'Use one protocol.' }];
      }),
    );
  });
}
