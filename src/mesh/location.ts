/** The paths of one host, as Ingress objects give them, in the order in which they are tried. */
import { RE2JS } from 're2js';
import type { Destination } from '../api/index.ts';
import type { IngressFlavor } from './ingress-class.ts';
import { annotationPath, type NginxSettings } from './nginx.ts';
import type { Owner, Rule, RuleMatch } from './rule.ts';

export interface Location {
  readonly host: string;
  /** Empty for a default backend, which comes after all paths. */
  readonly path: string;
  readonly type: string;
  /** Where in its object. */
  readonly at: string;
  readonly owner: Owner;
  readonly flavor: IngressFlavor;
  readonly settings: NginxSettings;
  /** Names and passwords that let in. */
  readonly users?: Rule['users'];
  /** Nobody is let in, as what should decide it cannot be asked. */
  readonly closed?: boolean;
  /** Absent when there is none like it. */
  readonly backend: Destination | undefined;
  readonly canary?: Location;
}

interface HostContext {
  /** Whether the host has a certificate. */
  readonly secured: boolean;
  /** The port of the machine behind which the gateway speaks HTTPS, for clients that name a port. */
  readonly httpsPort: number | undefined;
}

/** The longest path first; of two as long, the exact one. */
export function locationRules(locations: readonly Location[], context: HostContext): Rule[] {
  const sorted = [...locations].sort(
    (a, b) =>
      b.path.length - a.path.length ||
      Number(b.type === 'Exact') - Number(a.type === 'Exact') ||
      (`${a.path} ${a.type}` < `${b.path} ${b.type}` ? -1 : 1),
  );
  return [...appRoots(sorted), ...sorted.flatMap((l) => rulesOfLocation(l, context).map((r) => ({ written: placeOf(l), ...r })))];
}

function placeOf({ owner, at }: Location): NonNullable<Rule['written']> {
  return { by: owner, at };
}

const serviceIn = ({ host }: Destination): string => host.split('.')[0]!;

function pathOf({ host, path, owner, backend, canary }: Location): NonNullable<Rule['ingress']> {
  const beside = canary?.backend;
  const upstream = beside && `${owner.namespace}-${serviceIn(beside)}-${beside.port?.number}`;
  return {
    // NGINX' name for whatever no other host is for.
    host: host === '*' ? '_' : host,
    path: path || '/',
    ...(backend ? { service: serviceIn(backend) } : {}),
    ...(beside && upstream ? { canary: { ...beside, upstream } } : {}),
  };
}

function appRoots(locations: readonly Location[]): Rule[] {
  const root = locations.find((l) => l.settings.appRoot);
  if (!root) return [];
  const written = { by: root.owner, at: annotationPath('app-root') };
  return [{ owner: root.owner, written, match: [{ uri: { exact: '/' } }], redirect: { uri: root.settings.appRoot!, redirectCode: 302 } }];
}

function rulesOfLocation(location: Location, { secured, httpsPort }: HostContext): Rule[] {
  const { settings, owner, flavor } = location;
  const uri = pathMatch(location);
  const redirected = settings.toHttps === 'always' || (settings.toHttps === 'tls' && secured && flavor === 'nginx');
  const port = redirected ? 443 : undefined;
  const match = (more: RuleMatch = {}): RuleMatch[] => [{ uri, ...more, ...(port ? { port } : {}) }];
  const https = redirected ? httpsRedirects(owner, { uri, port: 80 }, 308, httpsPort) : [];
  const target = settings.redirect;
  if (target) return [...https, { owner, match: match(), redirect: redirectTo(target.to, target.code) }];
  const { users, closed } = location;
  const forward = (m: RuleMatch[], route: Rule['route']): Rule => ({
    owner,
    ingress: pathOf(location),
    match: m,
    ...settings.rule,
    ...rewriting(location),
    ...(users ? { users } : {}),
    ...(route && !closed ? { route } : { directResponse: { status: 503 } }),
  });
  const to = (backend: Destination | undefined): Rule['route'] => (backend ? [{ destination: backend }] : undefined);
  const main = to(location.backend);
  const { canary } = location;
  if (!canary) return [...https, forward(match(), main)];
  return [...https, ...canaryRules(canary, match, (m, weight) => forward(m, split(location, canary, weight)))];
}

/** The rules of a canary: a header decides, else a cookie, else the weight. `forward` is given the canary's share, 0 to 1. */
function canaryRules(canary: Location, match: (more?: RuleMatch) => RuleMatch[], forward: (m: RuleMatch[], share: number) => Rule): Rule[] {
  const { header, headerValue, headerPattern, cookie, weight, total } = canary.settings.canary!;
  const rules: Rule[] = [];
  const written = placeOf(canary);
  const onHeader = (value: NonNullable<RuleMatch['headers']>[string], share: number): unknown =>
    header && rules.push({ ...forward(match({ headers: { [header]: value } }), share), written });
  if (headerValue !== undefined) onHeader({ exact: headerValue }, 1);
  else if (headerPattern !== undefined) onHeader({ regex: `.*(?:${headerPattern}).*` }, 1);
  else {
    onHeader({ exact: 'always' }, 1);
    onHeader({ exact: 'never' }, 0);
  }
  if (cookie) {
    const says = (value: string): RuleMatch => ({ headers: { cookie: { regex: `(?:.*; *)?${quoted(cookie)}=${value}(?:;.*)?` } } });
    rules.push({ ...forward(match(says('always')), 1), written }, { ...forward(match(says('never')), 0), written });
  }
  rules.push(forward(match(), total > 0 ? weight / total : 0));
  return rules;
}

function split(main: Location, canary: Location, share: number): Rule['route'] {
  const total = canary.settings.canary!.total;
  const weight = Math.round(share * total);
  const [a, b] = [main.backend, canary.backend];
  if (!a || !b || weight === 0 || weight === total) {
    const only = weight === total && total > 0 ? b : a;
    return only && [{ destination: only }];
  }
  return [
    { destination: a, weight: total - weight },
    { destination: b, weight },
  ];
}

/** To HTTPS on its own port, or on the machine's where the client names a port. */
export function httpsRedirects(owner: Owner, match: RuleMatch, redirectCode: number, httpsPort: number | undefined): Rule[] {
  const to = { scheme: 'https', redirectCode };
  const withPort = { ...match, authority: { regex: '.*:[0-9]+' } };
  return [
    ...(httpsPort ? [{ owner, match: [withPort], redirect: { ...to, port: httpsPort } }] : []),
    { owner, match: [match], redirect: to },
  ];
}

const REQUEST_URI = '$request_uri';

/** A URL as NGINX returns it: literally, but for the path of the request at its end. */
function redirectTo(to: string, redirectCode: number): Rule['redirect'] {
  const keeps = to.endsWith(REQUEST_URI);
  const text = keeps ? to.slice(0, -REQUEST_URI.length) : to;
  const [, scheme, authority, rest = ''] = /^(https?):\/\/([^/?]*)(.*)$/.exec(text) ?? [undefined, undefined, undefined, text];
  const [, host, port] = /^(.*?)(?::(\d+))?$/.exec(authority ?? '') ?? [];
  return {
    redirectCode,
    ...(scheme ? { scheme } : {}),
    ...(host ? { authority: host } : {}),
    ...(port ? { port: Number(port) } : {}),
    ...(keeps ? {} : { uri: rest.startsWith('/') ? rest : `/${rest}` }),
  };
}

/** NGINX reads paths as regexes where it is to rewrite them, without regard to case, from their beginning. */
function isRegex({ type, settings }: Location): boolean {
  return type !== 'Exact' && (settings.useRegex || settings.rewriteTarget !== undefined);
}

function pathMatch(location: Location): NonNullable<RuleMatch['uri']> {
  const { path, type } = location;
  if (type === 'Exact') return { exact: path };
  if (!path || path === '/') return { prefix: '/' };
  if (isRegex(location)) return { regex: `(?i)(?:${path}).*` };
  return type === 'Prefix' ? { segments: path } : { prefix: path };
}

function rewriting(location: Location): Pick<Rule, 'rewrite'> {
  const { path, settings } = location;
  const { rewriteTarget: target } = settings;
  if (target === undefined) return {};
  const rewrite = { ...settings.rule.rewrite };
  if (!isRegex(location)) return { rewrite: { ...rewrite, uri: target } };
  const groups = groupsOf(path);
  const text = target.replaceAll('\\', '\\\\').replaceAll(/\$(\d)/g, (_all, n: string) => (Number(n) <= groups ? `\\${n}` : ''));
  return { rewrite: { ...rewrite, uriRegexRewrite: { match: `(?i)^(?:${path}).*$`, rewrite: text } } };
}

/** How many groups a path has; none when it is no regex, which is said of the rule. */
function groupsOf(path: string): number {
  try {
    return RE2JS.compile(path).groupCount();
  } catch {
    return 0;
  }
}

function quoted(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
