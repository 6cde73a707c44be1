import type { AnyObject, KindDef, StatusCause } from '../api/index.ts';
import type { Store } from '../store/index.ts';
import { invalid } from './errors.ts';
import { isRecord } from './json.ts';
import type { Draft } from './lifecycle.ts';

/** Service addresses are 10.96.0.0/16; the first 256 are only given to those who ask for them. */
const NETWORK = ((10 << 24) | (96 << 16)) >>> 0;
const FIRST = 256;
const SIZE = 65_535;
const NODE_PORTS = { first: 30_000, last: 32_767 };

/** What a write keeps from others until it is stored or given up. */
export interface Reservation {
  release(): void;
}

export interface ServiceAllocator {
  /**
   * Gives a Service, in place, the address and node ports that its type needs and it does not have.
   * What is in use is read from the live Services, so that nothing can leak. Throws Invalid for what is taken.
   */
  assign(def: KindDef, draft: Draft, old: AnyObject | undefined): Reservation;
}

interface Port {
  port?: number;
  protocol?: string;
  nodePort?: number;
}

export function createServiceAllocator(store: Store<AnyObject>): ServiceAllocator {
  const reserved = new Set<string>();
  let nextAddress = FIRST;
  let nextPort = NODE_PORTS.first;

  const inUse = (self: string | undefined): Set<string> => {
    const used = new Set(reserved);
    for (const { object } of store.list('/services/').items)
      if (object.metadata?.uid !== self) for (const item of claims(object)) used.add(item);
    return used;
  };

  const freeAddress = (used: ReadonlySet<string>): string | undefined => {
    for (let tries = FIRST; tries < SIZE; tries++) {
      const address = addressText(nextAddress);
      nextAddress = nextAddress + 1 < SIZE ? nextAddress + 1 : FIRST;
      if (!used.has(address)) return address;
    }
    return undefined;
  };

  const freePort = (used: ReadonlySet<string>): number | undefined => {
    for (let tries = NODE_PORTS.first; tries <= NODE_PORTS.last; tries++) {
      const port = nextPort;
      nextPort = nextPort < NODE_PORTS.last ? nextPort + 1 : NODE_PORTS.first;
      if (!used.has(String(port))) return port;
    }
    return undefined;
  };

  return {
    assign(def, draft, old) {
      const spec = draft.spec;
      if (!spec) return { release() {} };
      const used = inUse(old?.metadata?.uid);
      const causes: StatusCause[] = [];
      const ports = (Array.isArray(spec['ports']) ? spec['ports'].filter(isRecord) : []) as Port[];
      const type = spec['type'] ?? 'ClusterIP';

      if (type === 'ExternalName') {
        // Nothing is allotted; an address that is asked for is refused by the kind's own checks.
      } else if (spec['clusterIP'] === undefined || spec['clusterIP'] === '') {
        if (spec['clusterIPs'] !== undefined) causes.push(unnamed(spec['clusterIPs']));
        const address = freeAddress(used);
        if (address) Object.assign(spec, { clusterIP: address, clusterIPs: [address] });
        else
          causes.push({
            reason: 'FieldValueInvalid',
            field: 'spec.clusterIPs',
            message: 'Internal error: failed to allocate a serviceIP: range is full',
          });
      } else {
        const address = spec['clusterIP'] as string;
        spec['clusterIPs'] = [address];
        const why = unavailable(address, used);
        if (why) {
          causes.push({
            reason: 'FieldValueInvalid',
            field: 'spec.clusterIPs',
            message: `Invalid value: ${JSON.stringify([address])}: failed to allocate IP ${address}: ${why}`,
          });
        }
      }
      assignNodePorts(spec, type, ports, old, used, causes, freePort);
      assignHealthPort(spec, old, used, freePort);
      if (causes.length > 0) throw invalid(def, draft.metadata.name ?? '', causes);

      const mine = claims(draft as AnyObject).filter((item) => !reserved.has(item));
      for (const item of mine) reserved.add(item);
      return {
        release() {
          for (const item of mine) reserved.delete(item);
        },
      };
    },
  };
}

const unnamed = (addresses: unknown): StatusCause => ({
  reason: 'FieldValueInvalid',
  field: 'spec.clusterIPs',
  message: `Invalid value: ${JSON.stringify(addresses)}: must be empty when \`clusterIP\` is not specified`,
});

/** Why an address that is asked for cannot be had. What is no address at all is the matter of the kind's own checks. */
function unavailable(address: string, used: ReadonlySet<string>): string | undefined {
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(address)) return undefined;
  if (!address.startsWith('10.96.')) return 'the provided network does not match the current range';
  return used.has(address) ? 'provided IP is already allocated' : undefined;
}

/** The port at which a node says whether it has endpoints, for load balancers that are to find those. */
function assignHealthPort(
  spec: Record<string, unknown>,
  old: AnyObject | undefined,
  used: Set<string>,
  freePort: (used: ReadonlySet<string>) => number | undefined,
): void {
  if (spec['type'] !== 'LoadBalancer' || spec['externalTrafficPolicy'] !== 'Local') return;
  const before = (old?.['spec'] as { healthCheckNodePort?: number } | undefined)?.healthCheckNodePort;
  const port = (spec['healthCheckNodePort'] as number | undefined) ?? before ?? freePort(used);
  if (port === undefined) return;
  spec['healthCheckNodePort'] = port;
  used.add(String(port));
}

function assignNodePorts(
  spec: Record<string, unknown>,
  type: unknown,
  ports: readonly Port[],
  old: AnyObject | undefined,
  used: Set<string>,
  causes: StatusCause[],
  freePort: (used: ReadonlySet<string>) => number | undefined,
): void {
  const before = portsOf(old);
  const wanted = type === 'NodePort' || (type === 'LoadBalancer' && spec['allocateLoadBalancerNodePorts'] !== false);
  ports.forEach((port, i) => {
    const had = before.find((b) => b.port === port.port && (b.protocol ?? 'TCP') === (port.protocol ?? 'TCP'))?.nodePort;
    if (type !== 'NodePort' && type !== 'LoadBalancer') {
      // Left over from another type, not asked for.
      if (port.nodePort === had) delete port.nodePort;
      return;
    }
    if (port.nodePort) {
      if (port.nodePort !== had && used.has(String(port.nodePort))) {
        causes.push({
          reason: 'FieldValueInvalid',
          field: `spec.ports[${i}].nodePort`,
          message: `Invalid value: ${port.nodePort}: provided port is already allocated`,
        });
      } else if (port.nodePort < NODE_PORTS.first || port.nodePort > NODE_PORTS.last) {
        causes.push({
          reason: 'FieldValueInvalid',
          field: `spec.ports[${i}].nodePort`,
          message: `Invalid value: ${port.nodePort}: provided port is not in the valid range. The range of valid ports is ${NODE_PORTS.first}-${NODE_PORTS.last}`,
        });
      }
    } else if (wanted) {
      const given = had ?? freePort(used);
      if (given !== undefined) port.nodePort = given;
    }
    if (port.nodePort) used.add(String(port.nodePort));
  });
}

function portsOf(object: AnyObject | undefined): Port[] {
  const ports = (object?.['spec'] as { ports?: unknown } | undefined)?.ports;
  return Array.isArray(ports) ? (ports as Port[]) : [];
}

/** The address and node ports a Service holds, as texts that cannot be confused. */
function claims(object: AnyObject): string[] {
  const address = (object['spec'] as { clusterIP?: unknown } | undefined)?.clusterIP;
  const health = (object['spec'] as { healthCheckNodePort?: number } | undefined)?.healthCheckNodePort;
  const ports = [...portsOf(object).map((port) => port.nodePort), health].flatMap((port) => (port ? [String(port)] : []));
  return typeof address === 'string' && address !== '' && address !== 'None' ? [address, ...ports] : ports;
}

function addressText(offset: number): string {
  const n = NETWORK + offset;
  return [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join('.');
}
