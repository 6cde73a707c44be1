/**
 * AuthorizationPolicies as Envoy's RBAC filters, for HTTP and for bytes: what an authorizer is asked about first, then what is
 * refused, then what is allowed.
 */
import {
  type AuthorizationCondition,
  type AuthorizationOperation,
  type AuthorizationPolicy,
  type AuthorizationRule,
  type AuthorizationSource,
} from '../api/index.ts';
import { DRY_RUN, type Guard } from '../mesh/index.ts';
import { addressBlock, never } from './address-block.ts';
import { ASK_PREFIX, ASKING, askFilter, canBeAsked } from './ext-authz.ts';
import { any, extension, type Json } from './json.ts';
import { JWT_FILTER, JWT_PAYLOAD } from './jwt.ts';

type Protocol = 'http' | 'tcp';
type Action = 'DENY' | 'ALLOW';

const isDry = (p: AuthorizationPolicy): boolean => p.metadata?.annotations?.[DRY_RUN] === 'true';

/**
 * The filters that hold the guard's policies, in the order in which they decide; none where no policy says anything. An authorizer
 * is asked before the filters that check tokens, as it may be what makes sense of them.
 */
export function authorizationFilters(guard: Guard, protocol: Protocol, tokens: readonly Json[] = []): Json[] {
  const { authorizer } = guard;
  const asks = (p: AuthorizationPolicy): boolean => p.spec?.action === 'CUSTOM';
  const able = (p: AuthorizationPolicy): boolean =>
    asks(p) && p.spec?.provider?.name === authorizer?.name && authorizer !== undefined && canBeAsked(authorizer, protocol);
  const asking = guard.policies.filter((p) => able(p) && !isDry(p));
  const of = (action: string): AuthorizationPolicy[] => guard.policies.filter((p) => (p.spec?.action ?? 'ALLOW') === action);
  // Without effect but for its counters: what it would allow is what matches.
  const audited = of('AUDIT').filter((p) => !isDry(p));
  // What an authorizer that cannot be asked has to allow is refused.
  const refused = guard.policies.filter((p) => asks(p) && !able(p));
  return [
    ...(asking.length && authorizer
      ? [
          rbac(protocol, { shadow_rules: rulesOf(asking, 'DENY', protocol, ASKING), shadow_rules_stat_prefix: ASK_PREFIX }),
          askFilter(authorizer, protocol),
        ]
      : []),
    ...tokens,
    ...(audited.length
      ? [rbac(protocol, { shadow_rules: rulesOf(audited, 'ALLOW', protocol), shadow_rules_stat_prefix: 'istio_audit_' })]
      : []),
    ...filterOf([...refused, ...of('DENY')], 'DENY', protocol),
    ...filterOf(of('ALLOW'), 'ALLOW', protocol),
  ];
}

function filterOf(all: readonly AuthorizationPolicy[], action: Action, protocol: Protocol): Json[] {
  return all.length ? [rbac(protocol, configOf(all, action, protocol))] : [];
}

function configOf(all: readonly AuthorizationPolicy[], action: Action, protocol: Protocol): Json {
  const real = all.filter((p) => !isDry(p));
  const dry = all.filter(isDry);
  return {
    ...(real.length ? { rules: rulesOf(real, action, protocol) } : {}),
    ...(dry.length
      ? { shadow_rules: rulesOf(dry, action, protocol), shadow_rules_stat_prefix: `istio_dry_run_${action.toLowerCase()}_` }
      : {}),
  };
}

const HTTP_RBAC = 'envoy.extensions.filters.http.rbac.v3.RBAC';
const ATTACHED = { DENY: 'mesh.attached_deny', ALLOW: 'mesh.attached_allow' } as const;

/** Filters for policies that are attached to single Gateways: they idle but on routes that set them up. */
export const attachedFilters: readonly Json[] = Object.values(ATTACHED).map((name) => ({ ...extension(name, HTTP_RBAC), disabled: true }));

/** What routes of a Gateway set up of these. No authorizer is asked for a single Gateway: what one would have to allow is refused. */
export function attachedPolicies({ policies }: Guard): Json {
  const of = (...actions: string[]): AuthorizationPolicy[] => policies.filter((p) => actions.includes(p.spec?.action ?? 'ALLOW'));
  const said = { DENY: of('CUSTOM', 'DENY'), ALLOW: of('ALLOW') };
  return Object.fromEntries(
    (['DENY', 'ALLOW'] as const).flatMap((action): [string, Json][] =>
      said[action].length ? [[ATTACHED[action], any(`${HTTP_RBAC}PerRoute`, { rbac: configOf(said[action], action, 'http') })]] : [],
    ),
  );
}

function rbac(protocol: Protocol, config: Json): Json {
  return protocol === 'http'
    ? extension('envoy.filters.http.rbac', HTTP_RBAC, config)
    : extension('envoy.filters.network.rbac', 'envoy.extensions.filters.network.rbac.v3.RBAC', { stat_prefix: 'tcp.', ...config });
}

function rulesOf(policies: readonly AuthorizationPolicy[], action: Action, protocol: Protocol, prefix = ''): Json {
  const entries = policies.flatMap((policy) => {
    const { namespace = '', name = '' } = policy.metadata ?? {};
    return (policy.spec?.rules ?? []).flatMap((rule, i): [string, Json][] => {
      const made = policyOf(rule, action, protocol, namespace);
      return made ? [[`${prefix}ns[${namespace}]-policy[${name}]-rule[${i}]`, made]] : [];
    });
  });
  return { action, policies: Object.fromEntries(entries) };
}

/**
 * One rule: who and what. Undefined when it can never hold: on bytes, what asks for HTTP is left out of a refusal, which then
 * refuses more, and makes an allowance void.
 */
function policyOf(rule: AuthorizationRule, action: Action, protocol: Protocol, namespace: string): Json | undefined {
  const lost = { http: false };
  const keep = (part: Part): Json[] => {
    if (protocol === 'http' || !part.http) return [part.json];
    lost.http = true;
    return [];
  };
  const conditions = (rule.when ?? []).map((c) => ({ on: sideOf(c.key), part: conditionPart(c, namespace) }));
  const when = (on: 'principal' | 'permission'): Json[] => conditions.filter((c) => c.on === on).flatMap((c) => c.part.flatMap(keep));
  const from = (rule.from ?? []).map((f) => all('ids', sourceParts(f.source ?? {}, namespace).flatMap(keep)));
  const to = (rule.to ?? []).map((t) => all('rules', operationParts(t.operation ?? {}).flatMap(keep)));
  const principals = all('ids', [...(from.length ? [some('ids', from)] : []), ...when('principal')]);
  const permissions = all('rules', [...(to.length ? [some('rules', to)] : []), ...when('permission')]);
  if (lost.http && action === 'ALLOW') return undefined;
  return { permissions: [permissions], principals: [principals] };
}

/** A condition, and whether it can be told of HTTP only. */
interface Part {
  readonly json: Json;
  readonly http: boolean;
}

type Kind = 'ids' | 'rules';

function all(kind: Kind, parts: readonly Json[]): Json {
  if (parts.length === 1) return parts[0]!;
  return parts.length ? { [`and_${kind}`]: { [kind]: parts } } : { any: true };
}

function some(kind: Kind, parts: readonly Json[]): Json {
  return parts.length === 1 ? parts[0]! : { [`or_${kind}`]: { [kind]: parts } };
}

/** Any of the values, and none of the others. */
function anyAndNone(
  kind: Kind,
  http: boolean,
  values: readonly string[] | undefined,
  others: readonly string[] | undefined,
  one: (value: string) => Json,
): Part[] {
  const parts: Part[] = [];
  if (values?.length) parts.push({ http, json: some(kind, values.map(one)) });
  if (others?.length) parts.push({ http, json: { [kind === 'ids' ? 'not_id' : 'not_rule']: some(kind, others.map(one)) } });
  return parts;
}

function sourceParts(s: AuthorizationSource, own: string): Part[] {
  const list = (
    field: 'principals' | 'namespaces' | 'serviceAccounts' | 'trustDomains' | 'ipBlocks' | 'remoteIpBlocks' | 'requestPrincipals',
    http: boolean,
    one: (value: string) => Json,
  ): Part[] => anyAndNone('ids', http, s[field], s[`not${field[0]!.toUpperCase()}${field.slice(1)}` as 'notPrincipals'], one);
  return [
    ...list('principals', false, principal),
    ...list('namespaces', false, ofNamespace),
    ...list('serviceAccounts', false, (v) => ofServiceAccount(v, own)),
    ...list('trustDomains', false, (v) => authenticated({ safe_regex: { regex: `spiffe://${wild(v)}/.*` } })),
    ...list('ipBlocks', false, (v) => addressBlock('direct_remote_ip', v)),
    ...list('remoteIpBlocks', false, (v) => addressBlock('remote_ip', v)),
    ...list('requestPrincipals', true, requestPrincipal),
  ];
}

function operationParts(o: AuthorizationOperation): Part[] {
  const list = (field: 'hosts' | 'ports' | 'methods' | 'paths', http: boolean, one: (value: string) => Json): Part[] =>
    anyAndNone('rules', http, o[field], o[`not${field[0]!.toUpperCase()}${field.slice(1)}` as 'notHosts'], one);
  return [
    ...list('hosts', true, (v) => ({
      header: { name: ':authority', ...presentOr(v, (m) => ({ string_match: { ...m, ignore_case: true } })) },
    })),
    ...list('ports', false, port),
    ...list('methods', true, (v) => ({ header: { name: ':method', ...presentOr(v, (m) => ({ string_match: m })) } })),
    ...list('paths', true, path),
  ];
}

/** Segments of `{*}` and `{**}`, with at least one of them; a star inside a segment is none that Envoy knows. */
const TEMPLATE = /^(?=.*\{\*{1,2}\})(\/(\{\*\}|[^/{}*]*))*(\/\{\*\*\}[^/{}*]*)?(\/[^/{}*]*)*$/;
const TEMPLATE_CONFIG = 'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig';

function path(value: string): Json {
  if (TEMPLATE.test(value)) {
    const template = value.replaceAll('{**}', '**').replaceAll('{*}', '*');
    return {
      uri_template: { name: 'uri-template', typed_config: any(TEMPLATE_CONFIG, { path_template: template }) },
    };
  }
  return { url_path: { path: value === '*' ? { safe_regex: { regex: '.+' } } : text(value) } };
}

/** `*` asks only that it is there; one at an end stands for anything. */
function text(value: string): Json {
  if (value === '*') return { safe_regex: { regex: '.+' } };
  if (value.endsWith('*')) return { prefix: value.slice(0, -1) };
  if (value.startsWith('*')) return { suffix: value.slice(1) };
  return { exact: value };
}

function presentOr(value: string, match: (m: Json) => Json): Json {
  return value === '*' ? { present_match: true } : match(text(value));
}

/** The value as a regex, its stars as anything. */
function wild(value: string): string {
  return value.split('*').map(escaped).join('.*');
}

function escaped(value: string): string {
  return value.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

function authenticated(name: Json): Json {
  return { authenticated: { principal_name: name } };
}

/** `cluster.local/ns/default/sa/web`, as it stands in the certificate behind `spiffe://`. */
function principal(value: string): Json {
  if (value === '*') return authenticated({ safe_regex: { regex: '.+' } });
  if (value.startsWith('*')) return authenticated({ safe_regex: { regex: `spiffe://.*${escaped(value.slice(1))}` } });
  const { exact, prefix } = text(value) as { exact?: string; prefix?: string };
  return authenticated(prefix === undefined ? { exact: `spiffe://${exact}` } : { prefix: `spiffe://${prefix}` });
}

function ofNamespace(value: string): Json {
  return authenticated({ safe_regex: { regex: `.*/ns/${wild(value)}/.*` } });
}

/** `account` of the policy's own namespace, or `namespace/account`. */
function ofServiceAccount(value: string, own: string): Json {
  const [namespace, account] = value.includes('/') ? value.split('/', 2) : [own, value];
  return authenticated({ safe_regex: { regex: `spiffe://.+/ns/${escaped(namespace!)}/sa/${escaped(account!)}` } });
}

function port(value: string): Json {
  const number = Number(value);
  return Number.isInteger(number) && number > 0 && number < 65_536 ? { destination_port: number } : never('rule');
}

function dynamicMetadata(filter: string, path: readonly string[], value: Json): Json {
  return { sourced_metadata: { metadata_matcher: { filter, path: path.map((key) => ({ key })), value }, metadata_source: 'DYNAMIC' } };
}

/** A claim of a checked token: a text, or a list that has it. */
function claim(claimPath: readonly string[], value: Json): Json {
  const metadata = (matcher: Json): Json => dynamicMetadata(JWT_FILTER, [JWT_PAYLOAD, ...claimPath], matcher);
  return some('ids', [metadata({ string_match: value }), metadata({ list_match: { one_of: { string_match: value } } })]);
}

/** `issuer/subject`; a star for one of them, or at its end. */
function requestPrincipal(value: string): Json {
  if (value === '*') return all('ids', [claim(['iss'], text('*')), claim(['sub'], text('*'))]);
  const slash = value.lastIndexOf('/');
  if (slash < 0) return claim([value.startsWith('*') ? 'sub' : 'iss'], text(value));
  return all('ids', [claim(['iss'], text(value.slice(0, slash))), claim(['sub'], text(value.slice(slash + 1)))]);
}

/** Conditions of a connection's other end and of tokens are principals, those of what is asked for are permissions. */
function sideOf(key: string): 'principal' | 'permission' {
  return /^(destination\.|connection\.|experimental\.)/.test(key) ? 'permission' : 'principal';
}

function conditionPart(c: AuthorizationCondition, own: string): Part[] {
  const { key } = c;
  const ids = (http: boolean, one: (value: string) => Json): Part[] => anyAndNone('ids', http, c.values, c.notValues, one);
  const rules = (http: boolean, one: (value: string) => Json): Part[] => anyAndNone('rules', http, c.values, c.notValues, one);
  const header = /^request\.headers\[(.+)\]$/.exec(key)?.[1];
  if (header) return ids(true, (v) => ({ header: { name: header, ...presentOr(v, (m) => ({ string_match: m })) } }));
  const claims = /^request\.auth\.claims((?:\[[^\]]+\])+)$/.exec(key)?.[1];
  if (claims)
    return ids(true, (v) =>
      claim(
        [...claims.matchAll(/\[([^\]]+)\]/g)].map((m) => m[1]!),
        text(v),
      ),
    );
  const metadata = /^experimental\.(envoy\.filters\.[^[]+)\[(.+)\]$/.exec(key);
  if (metadata) {
    return rules(false, (v) => {
      const list = /^\[(.*)\]$/.exec(v)?.[1];
      const value = list === undefined ? { string_match: text(v) } : { list_match: { one_of: { string_match: text(list) } } };
      return dynamicMetadata(metadata[1]!, [metadata[2]!], value);
    });
  }
  switch (key) {
    case 'source.ip':
      return ids(false, (v) => addressBlock('direct_remote_ip', v));
    case 'remote.ip':
      return ids(false, (v) => addressBlock('remote_ip', v));
    case 'source.namespace':
      return ids(false, ofNamespace);
    case 'source.principal':
      return ids(false, principal);
    case 'source.serviceAccount':
      return ids(false, (v) => ofServiceAccount(v, own));
    case 'request.auth.principal':
      return ids(true, requestPrincipal);
    case 'request.auth.audiences':
      return ids(true, (v) => claim(['aud'], text(v)));
    case 'request.auth.presenter':
      return ids(true, (v) => claim(['azp'], text(v)));
    case 'destination.ip':
      return rules(false, (v) => addressBlock('destination_ip', v, 'rule'));
    case 'destination.port':
      return rules(false, port);
    case 'connection.sni':
      return rules(false, (v) => ({ requested_server_name: text(v) }));
    default:
      // An attribute that nobody knows is never there.
      return [{ http: false, json: never('id') }];
  }
}
