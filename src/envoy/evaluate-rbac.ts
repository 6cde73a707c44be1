/** What RBAC filters, as they are sent to Envoy, say of a request. */
import { RE2JS } from 're2js';
import { headerHolds, no, textHolds, yes, type SeenRequest, type Verdict } from './evaluate.ts';
import { JWT_PAYLOAD } from './jwt.ts';
import type { Json } from './json.ts';

/** All that a policy may ask about. */
export interface Asker {
  readonly request: SeenRequest;
  /** SPIFFE identity of the client's certificate; absent without mTLS. */
  readonly principal: string | undefined;
  readonly sourceIp: string;
  readonly destinationIp: string;
  readonly destinationPort: number;
  /** Of a token that was checked. */
  readonly claims: Readonly<Record<string, unknown>> | undefined;
}

export interface Decision {
  readonly allowed: boolean;
  /** Each rule with what it said, in the filter's order. */
  readonly rules: readonly { readonly action: string; readonly policy: string; readonly path: string; readonly verdict: Verdict }[];
  readonly why: string;
}

const NAME = /^ns\[(.*)\]-policy\[(.*)\]-rule\[(\d+)\]$/;

/** Runs the filters in their order, as Envoy does; a dry run decides nothing. */
export function decide(filters: readonly Json[], asker: Asker): Decision {
  const rules: Decision['rules'][number][] = [];
  for (const filter of filters) {
    const config = filter['typed_config'] as Json;
    const said = config['rules'] as { action: string; policies: Record<string, Json> } | undefined;
    if (!said) continue;
    let hit: string | undefined;
    for (const [key, policy] of Object.entries(said.policies)) {
      const verdict = policyHolds(policy, asker);
      const [, namespace, name, index] = NAME.exec(key) ?? ['', '', key, '0'];
      const text = `AuthorizationPolicy ${namespace}/${name}`;
      rules.push({ action: said.action, policy: text, path: `spec.rules[${index}]`, verdict });
      if (verdict.holds) hit ??= `${text} spec.rules[${index}]`;
    }
    if (said.action === 'DENY' && hit) return { allowed: false, rules, why: `${hit} refuses it` };
    if (said.action === 'ALLOW' && !hit) return { allowed: false, rules, why: 'there are ALLOW policies and no rule of them lets it in' };
  }
  const allowing = rules.find((r) => r.action === 'ALLOW' && r.verdict.holds);
  return { allowed: true, rules, why: allowing ? `${allowing.policy} ${allowing.path} lets it in` : 'no policy refuses it' };
}

function policyHolds(policy: Json, asker: Asker): Verdict {
  const who = some((policy['principals'] as Json[]).map((p) => holds(p, asker)));
  if (!who.holds) return no(`source: ${who.why}`);
  const what = some((policy['permissions'] as Json[]).map((p) => holds(p, asker)));
  return what.holds ? yes([who.why, what.why].filter((w) => w !== 'anything').join('; ') || 'anything') : no(`operation: ${what.why}`);
}

function some(verdicts: readonly Verdict[]): Verdict {
  return verdicts.find((v) => v.holds) ?? no(verdicts.map((v) => v.why).join(', or ') || 'nothing is named');
}

function every(verdicts: readonly Verdict[]): Verdict {
  const failed = verdicts.find((v) => !v.holds);
  return failed ?? yes(verdicts.map((v) => v.why).join('; '));
}

/** A `Principal` or a `Permission`: their logic is the same. */
function holds(part: Json, asker: Asker): Verdict {
  const [kind, value] = Object.entries(part)[0] ?? ['any', true];
  const list = (field: string): Verdict[] => ((value as Json)[field] as Json[]).map((p) => holds(p, asker));
  switch (kind) {
    case 'any':
      return yes('anything');
    case 'and_ids':
      return every(list('ids'));
    case 'and_rules':
      return every(list('rules'));
    case 'or_ids':
      return some(list('ids'));
    case 'or_rules':
      return some(list('rules'));
    case 'not_id':
    case 'not_rule': {
      const found = holds(value as Json, asker);
      return { holds: !found.holds, why: `not (${found.why})` };
    }
    case 'authenticated': {
      const name = (value as Json)['principal_name'] as Json;
      const wanted = textHolds(name, asker.principal ?? '').why;
      if (asker.principal === undefined) return no(`principal ${wanted}: the client has no certificate (no mTLS)`);
      return { holds: textHolds(name, asker.principal).holds, why: `principal ${wanted}: it is "${asker.principal}"` };
    }
    case 'direct_remote_ip':
    case 'remote_ip':
      return within(value as Json, asker.sourceIp, 'source ip');
    case 'destination_ip':
      return within(value as Json, asker.destinationIp, 'destination ip');
    case 'destination_port':
      return { holds: asker.destinationPort === value, why: `port ${Number(value)}: it is ${asker.destinationPort}` };
    case 'header':
      return headerHolds(value as Json, asker.request);
    case 'url_path': {
      const path = asker.request.path.split(/[?#]/, 1)[0]!;
      const found = textHolds((value as Json)['path'] as Json, path);
      return { holds: found.holds, why: `path ${found.why}: it is "${path}"` };
    }
    case 'uri_template': {
      const template = ((value as Json)['typed_config'] as Json)['path_template'] as string;
      const path = asker.request.path.split(/[?#]/, 1)[0]!;
      return { holds: templateHolds(template, path), why: `path template "${template}": it is "${path}"` };
    }
    case 'sourced_metadata':
      return claimHolds((value as Json)['metadata_matcher'] as Json, asker);
    default:
      return no(`${kind}, which only the proxy can tell`);
  }
}

function templateHolds(template: string, path: string): boolean {
  const escaped = template.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);
  return RE2JS.matches(escaped.replaceAll('**', '\u0000').replaceAll('*', '[^/]+').replaceAll('\u0000', '.*'), path);
}

function claimHolds(matcher: Json, asker: Asker): Verdict {
  const [head, ...keys] = (matcher['path'] as { key: string }[]).map((p) => p.key);
  if (head !== JWT_PAYLOAD) return no(`metadata ${head}, which only the proxy can tell`);
  const value = keys.reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? (at as Json)[key] : undefined), asker.claims);
  const name = `claim ${keys.join('.')}`;
  if (!asker.claims) return no(`${name}: the request brings no token that was checked`);
  const outer = matcher['value'] as Json;
  const inList = (outer['list_match'] as Json | undefined)?.['one_of'] as Json | undefined;
  const string = (inList ?? outer)['string_match'] as Json | undefined;
  if (!string) return no(`${name}, which only the proxy can tell`);
  const values = inList ? (Array.isArray(value) ? value : []) : [value];
  const found = values.some((v) => typeof v === 'string' && textHolds(string, v).holds);
  return { holds: found, why: `${name} ${textHolds(string, '').why}: it is ${JSON.stringify(value) ?? 'absent'}` };
}

function within(range: Json, ip: string, field: string): Verdict {
  const base = String(range['address_prefix']);
  const bits = Number(range['prefix_len']);
  return { holds: sameBits(base, ip, bits), why: `${field} ${base}/${bits}: it is ${ip}` };
}

function sameBits(a: string, b: string, bits: number): boolean {
  const number = (ip: string): number | undefined => {
    const parts = ip.split('.').map(Number);
    return parts.length === 4 ? parts.reduce((n, p) => n * 256 + p, 0) : undefined;
  };
  const [x, y] = [number(a), number(b)];
  if (x === undefined || y === undefined) return a === b;
  const size = 2 ** (32 - bits);
  return Math.floor(x / size) === Math.floor(y / size);
}
