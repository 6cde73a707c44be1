import type { Answer, Question } from 'dns-packet';
import { CLUSTER_DOMAIN, type Zone, type ZoneRecord } from './zone.ts';

/** Seconds a client may keep an answer; CoreDNS' value for cluster names. */
const TTL = 5;
/** Aliases followed within the zone. */
const MAX_ALIASES = 8;

export type Resolution =
  /** The zone's own word. `answers` may be empty: the name exists without such records. */
  | { readonly kind: 'answer'; readonly answers: readonly Answer[]; readonly additionals: readonly Answer[] }
  | { readonly kind: 'noSuchName' }
  /** Not a name of the cluster: ask elsewhere for `name`. `answers` are the aliases that led there. */
  | { readonly kind: 'elsewhere'; readonly name: string; readonly answers: readonly Answer[] };

/** Answers a question from the zone. Total. */
export function resolve(zone: Zone, question: Pick<Question, 'name' | 'type'>): Resolution {
  const answers: Answer[] = [];
  let name = question.name.toLowerCase().replace(/\.$/, '');
  let owner = question.name;
  for (let followed = 0; followed <= MAX_ALIASES; followed++) {
    const records = recordsOf(zone, name);
    if (records === 'elsewhere') return { kind: 'elsewhere', name, answers };
    if (records === undefined) return answers.length === 0 ? { kind: 'noSuchName' } : { kind: 'answer', answers, additionals: [] };
    const alias = records.find((r) => r.type === 'CNAME');
    if (alias === undefined || question.type === 'CNAME') {
      const found = records.filter((r) => r.type === question.type);
      answers.push(...found.map((r) => encodeRecord(owner, r)));
      return { kind: 'answer', answers, additionals: addressesOf(zone, found) };
    }
    answers.push(encodeRecord(owner, alias));
    name = owner = (alias as { target: string }).target;
  }
  return { kind: 'answer', answers, additionals: [] };
}

/** Undefined: the cluster has no such name. */
function recordsOf(zone: Zone, name: string): readonly ZoneRecord[] | undefined | 'elsewhere' {
  const known = zone.get(name);
  if (known) return known;
  if (name === CLUSTER_DOMAIN) return [];
  if (name.endsWith(`.${CLUSTER_DOMAIN}`)) return podRecords(name);
  // Addresses of pods and services that nothing is known of must not leak to the outside.
  if (/\.(244|96)\.10\.in-addr\.arpa$/.test(name)) return undefined;
  return 'elsewhere';
}

/** `10-244-0-5.<namespace>.pod.cluster.local`: any address, as CoreDNS answers it where Kubernetes installs it. */
function podRecords(name: string): ZoneRecord[] | undefined {
  const m = /^(\d+-\d+-\d+-\d+)\.[^.]+\.pod\.cluster\.local$/.exec(name);
  return m ? [{ type: 'A', address: m[1]!.replaceAll('-', '.') }] : undefined;
}

function addressesOf(zone: Zone, found: readonly ZoneRecord[]): Answer[] {
  const targets = new Set(found.flatMap((r) => (r.type === 'SRV' ? [r.target] : [])));
  return [...targets].flatMap((name) => (zone.get(name) ?? []).filter((r) => r.type === 'A').map((r) => encodeRecord(name, r)));
}

function encodeRecord(name: string, record: ZoneRecord): Answer {
  switch (record.type) {
    case 'A':
      return { type: 'A', name, ttl: TTL, data: record.address };
    case 'SRV':
      return { type: 'SRV', name, ttl: TTL, data: { port: record.port, target: record.target, priority: 0, weight: 100 } };
    default:
      return { type: record.type, name, ttl: TTL, data: record.target };
  }
}

/** Says how long the absence of a name or record may be kept. */
export const AUTHORITY: Answer = {
  type: 'SOA',
  name: CLUSTER_DOMAIN,
  ttl: TTL,
  data: {
    mname: `ns.dns.${CLUSTER_DOMAIN}`,
    rname: `hostmaster.${CLUSTER_DOMAIN}`,
    serial: 1,
    refresh: 7200,
    retry: 1800,
    expire: 86_400,
    minimum: TTL,
  },
};
