import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import { DNS_ADDRESS, ipv4Bytes, isIpv4, NODE_ADDRESS, parseCidr, SERVICE_CIDR } from './addresses.ts';
import { be16, concat, u32, u8 } from './message.ts';
import {
  compare,
  dnat,
  header,
  load,
  lookup,
  mask,
  meta,
  R0,
  R1,
  R2,
  random,
  refuse,
  snat,
  verdict,
  type Chain,
  type NftElement,
  type NftSet,
  type Rule,
  type Table,
} from './nftables.ts';
import { ofEachService, type ServiceGroup } from './service-groups.ts';

export type Protocol = 'tcp' | 'udp';

/** Where connections to a service port arrive. */
export interface Frontend {
  readonly address: string;
  readonly protocol: Protocol;
  readonly port: number;
}

export interface Backend {
  readonly address: string;
  readonly port: number;
}

/** One port of a service that has endpoints. */
export interface ServicePlan {
  /** `namespace/service/port number/protocol`: unique, and the name of its chain. */
  readonly name: string;
  readonly frontends: readonly Frontend[];
  readonly backends: readonly Backend[];
}

/**
 * What to program for these services, in a stable order. Total: what cannot be reached from here (IPv6, loopback endpoints,
 * an address that another service took first) is left out. A service without ready endpoints is served by those that end
 * but still serve, as kube-proxy does; without any it has no plan, and connections to it are refused.
 * A plan that is as it was is the same object.
 */
export function servicePlanner(): (groups: readonly ServiceGroup[]) => ServicePlan[] {
  const wishes = ofEachService(planService);
  return (groups) => {
    const taken = new Set<string>();
    return wishes(groups).flatMap((plans) => plans.flatMap((plan) => withFreeFrontends(plan, taken)));
  };
}

function planService({ key, service, slices }: ServiceGroup): ServicePlan[] {
  const addresses = (service.spec?.clusterIPs ?? [service.spec?.clusterIP ?? '']).filter(isIpv4);
  const out: ServicePlan[] = [];
  for (const { name = '', port, nodePort, protocol: declared = 'TCP' } of service.spec?.ports ?? []) {
    const protocol = declared.toLowerCase();
    if (protocol !== 'tcp' && protocol !== 'udp') continue;
    const frontends: Frontend[] = addresses.map((address) => ({ address, protocol, port }));
    if (nodePort) frontends.push({ address: NODE_ADDRESS, protocol, port: nodePort });
    const backends = backendsOf(slices, name, protocol);
    if (frontends.length > 0 && backends.length > 0) out.push({ name: `${key}/${port}/${protocol}`, frontends, backends });
  }
  return out;
}

function withFreeFrontends(plan: ServicePlan, taken: Set<string>): ServicePlan[] {
  const free = plan.frontends.filter((f) => {
    const id = `${f.address}/${f.protocol}/${f.port}`;
    return !taken.has(id) && taken.add(id);
  });
  if (free.length === plan.frontends.length) return [plan];
  return free.length > 0 ? [{ ...plan, frontends: free }] : [];
}

function backendsOf(slices: readonly EndpointSlice[], portName: string, protocol: Protocol): Backend[] {
  const matching = (accept: (e: Endpoint) => boolean): Backend[] => {
    const found = new Map<string, Backend>();
    for (const slice of slices) {
      for (const p of slice.ports ?? []) {
        if ((p.name ?? '') !== portName || (p.protocol ?? 'TCP').toLowerCase() !== protocol || p.port === undefined) continue;
        for (const endpoint of slice.endpoints ?? []) {
          const [address = ''] = endpoint.addresses;
          if (accept(endpoint) && isIpv4(address) && !address.startsWith('127.'))
            found.set(`${address}:${p.port}`, { address, port: p.port });
        }
      }
    }
    return [...found.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, backend]) => backend);
  };
  const ready = matching((e) => e.conditions?.ready !== false);
  return ready.length > 0 ? ready : matching((e) => e.conditions?.serving === true);
}

const PROTOCOL_NUMBER = { tcp: 6, udp: 17 };
/** Set keys are registers side by side, four bytes each. */
const cell = (bytes: Uint8Array): Uint8Array => concat([bytes, new Uint8Array(4 - bytes.length)]);
const frontendKey = (f: Frontend): Uint8Array => concat([ipv4Bytes(f.address), cell(u8(PROTOCOL_NUMBER[f.protocol])), cell(be16(f.port))]);

/** Registers 0 and 1 := one of the backends, picked anew for every connection. */
function pick(plan: ServicePlan): Rule {
  const [only] = plan.backends;
  if (plan.backends.length === 1) return [load(R0, ipv4Bytes(only!.address)), load(R1, be16(only!.port))];
  return [random(plan.backends.length, R0), lookup(plan.name, R0, R0)];
}

function backendMap(plan: ServicePlan): NftSet[] {
  if (plan.backends.length === 1) return [];
  const elements = plan.backends.map((b, i) => ({ key: u32(i), data: concat([ipv4Bytes(b.address), cell(be16(b.port))]) }));
  return [{ name: plan.name, keyLength: 4, data: 8, elements }];
}

/** What one plan adds to the table. */
interface Part {
  readonly frontends: readonly NftElement[];
  readonly maps: readonly NftSet[];
  readonly chain: Chain;
}

const partOf = (plan: ServicePlan): Part => ({
  frontends: plan.frontends.map((f) => ({ key: frontendKey(f), data: { goto: plan.name } })),
  maps: backendMap(plan),
  chain: { name: plan.name, rules: [[...pick(plan), dnat(R0, R1)]] },
});

/** The chains through which packets come, which are the same for all services. */
function commonChains(): Chain[] {
  const dispatch: Rule = [header('destination', R0), meta('protocol', R1), header('destinationPort', R2), lookup('frontends', R0, 0)];
  const range = parseCidr(SERVICE_CIDR);
  const toService: Rule = [header('destination', R0), mask(R0, range.mask), compare(R0, 'eq', range.address)];
  const refuseUnknown: Rule[] = [
    [header('destination', R0), compare(R0, 'eq', ipv4Bytes(DNS_ADDRESS)), verdict('accept')],
    [...toService, meta('protocol', R0), compare(R0, 'eq', u8(PROTOCOL_NUMBER.tcp)), refuse('reset')],
    [...toService, refuse('unreachable')],
  ];
  return [
    { name: 'from pods', hook: { type: 'nat', at: 'prerouting', priority: -100 }, rules: [dispatch] },
    { name: 'from the node', hook: { type: 'nat', at: 'output', priority: -100 }, rules: [dispatch] },
    {
      name: 'hairpin',
      hook: { type: 'nat', at: 'postrouting', priority: 100 },
      // A pod that was given itself: without another source its answer would never come back this way.
      rules: [[header('source', R0), header('destination', R1), lookup('hairpins', R0), load(R0, ipv4Bytes(NODE_ADDRESS)), snat(R0)]],
    },
    { name: 'refuse from pods', hook: { type: 'filter', at: 'forward', priority: 0 }, rules: refuseUnknown },
    { name: 'refuse from the node', hook: { type: 'filter', at: 'output', priority: 0 }, rules: refuseUnknown },
  ];
}

/**
 * Makes the node's service rules of plans: one look-up of address, protocol and port finds the service's chain, whatever their
 * number. What is left with a service address after that is refused. What a plan that was there before adds is the same object as then.
 */
export function servicesTable(): (plans: readonly ServicePlan[]) => Table {
  const common = commonChains();
  let parts = new Map<ServicePlan, Part>();
  let hairpins = new Map<string, NftElement>();
  return (plans) => {
    parts = new Map(plans.map((plan) => [plan, parts.get(plan) ?? partOf(plan)]));
    const pods = new Set(plans.flatMap((p) => p.backends.map((b) => b.address)));
    hairpins = new Map(Array.from(pods, (ip) => [ip, hairpins.get(ip) ?? { key: concat([ipv4Bytes(ip), ipv4Bytes(ip)]) }]));
    const all = [...parts.values()];
    return {
      name: 'sluice-services',
      sets: [
        { name: 'frontends', keyLength: 12, data: 'verdict', elements: all.flatMap((p) => p.frontends) },
        { name: 'hairpins', keyLength: 8, elements: [...hairpins.values()] },
        ...all.flatMap((p) => p.maps),
      ],
      chains: [...all.map((p) => p.chain), ...common],
    };
  };
}
