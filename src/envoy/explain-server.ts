/** What a server's proxy makes of a request: mTLS, its token, its policies. */
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { JwtRule } from '../api/index.ts';
import { proxyOf, type Endpoint, type Guard, type Model, type Policy } from '../mesh/index.ts';
import { authorizationFilters } from './authorization.ts';
import { decide } from './evaluate-rbac.ts';
import type { SeenRequest } from './evaluate.ts';
import type { EndpointOutcome, Step } from './explain-types.ts';
import { jwtFilter } from './jwt.ts';

/** The client, as servers come to know it. */
export interface Caller {
  readonly ip: string;
  /** Its SPIFFE identity; absent without a proxy. */
  readonly identity: string | undefined;
}

export interface Call {
  readonly model: Model;
  readonly caller: Caller;
  /** As it leaves the client's proxy. */
  readonly request: SeenRequest;
  readonly http: boolean;
  readonly policy: Policy;
  /** The service is outside of the mesh. */
  readonly external: boolean;
  /** Milliseconds. */
  readonly now: number;
}

export interface Arrival {
  readonly endpoint: EndpointOutcome;
  readonly steps: readonly Step[];
}

const APPLICATION = 'the application answers';

/** One endpoint's answer to the call. */
export function arriveAt(call: Call, endpoint: Endpoint): Arrival {
  const pod = podAt(call.model, endpoint.address);
  const proxy = pod && proxyOf(pod);
  const facts = {
    address: `${endpoint.address}:${endpoint.port}`,
    ...(pod ? { pod: `${pod.metadata?.namespace}/${pod.metadata?.name}` } : {}),
    sends: sends(call, endpoint),
  };
  if (!proxy) return { endpoint: { ...facts, outcome: { why: APPLICATION } }, steps: [] };
  const mode = call.model.peerAuthentications.of(proxy.namespace, proxy.labels).ofPort(endpoint.port);
  const accepted = { ...facts, accepts: mode };
  const refused = tlsRefusal(facts.sends, mode);
  if (refused) return { endpoint: { ...accepted, outcome: { status: 503, why: refused } }, steps: [] };
  const principal = facts.sends === 'mTLS' ? call.caller.identity : undefined;
  const guard = call.model.guards.of(proxy.namespace, proxy.labels);
  const found = guarded(guard, call, principal, endpoint);
  return {
    endpoint: {
      ...accepted,
      ...(guard.policies.length ? { authorization: { allowed: found.allowed, why: found.why } } : {}),
      outcome: found.allowed ? { why: APPLICATION } : { status: found.status, why: found.why },
    },
    steps: found.steps,
  };
}

export interface GuardOutcome {
  readonly allowed: boolean;
  readonly status: number;
  readonly why: string;
  readonly steps: readonly Step[];
}

/** What the policies of a workload say; without HTTP, as they are told of bytes. */
export function guarded(
  guard: Guard,
  call: Pick<Call, 'caller' | 'request' | 'http' | 'now'>,
  principal: string | undefined,
  at: { readonly address: string; readonly port: number },
): GuardOutcome {
  const token = call.http && jwtFilter(guard.jwtRules).length ? tokenOf(guard.jwtRules, call.request, call.now) : undefined;
  const object = 'RequestAuthentication';
  const steps: Step[] = token ? [{ object, path: 'spec.jwtRules', matched: !token.refused, why: token.why }] : [];
  if (token?.refused) return { allowed: false, status: token.refused, why: token.why, steps };
  const decision = decide(authorizationFilters(guard, call.http ? 'http' : 'tcp'), {
    request: call.request,
    principal,
    sourceIp: call.caller.ip,
    destinationIp: at.address,
    destinationPort: at.port,
    claims: token?.claims,
  });
  steps.push(
    ...decision.rules.map((r) => ({ object: r.policy, path: r.path, matched: r.verdict.holds, why: `${r.action}: ${r.verdict.why}` })),
  );
  return { allowed: decision.allowed, status: call.http ? 403 : 503, why: decision.why, steps };
}

/** The pod behind an address, unless it shares the node's. */
export function podAt(model: Model, address: string): Pod | undefined {
  for (const pod of model.pods.values()) if (pod.status?.podIP === address && !pod.spec?.hostNetwork) return pod;
  return undefined;
}

function sends({ policy, caller, external }: Call, endpoint: Endpoint): EndpointOutcome['sends'] {
  if (!caller.identity) return 'plain text';
  switch (policy.tls?.mode) {
    case 'DISABLE':
      return 'plain text';
    case 'ISTIO_MUTUAL':
      return 'mTLS';
    case 'SIMPLE':
    case 'MUTUAL':
      return 'TLS';
    default:
      return endpoint.mtls && !external ? 'mTLS' : 'plain text';
  }
}

function tlsRefusal(sent: EndpointOutcome['sends'], mode: string): string | undefined {
  if (mode === 'STRICT' && sent !== 'mTLS')
    return `the server takes mTLS only (PeerAuthentication STRICT), the client sends ${sent}: the connection is reset`;
  if (mode === 'DISABLE' && sent === 'mTLS')
    return 'the server takes no mTLS (PeerAuthentication DISABLE), and a DestinationRule makes the client send it';
  return undefined;
}

interface Token {
  readonly refused?: number;
  readonly why: string;
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** What can be told of the request's token without its issuer's keys. */
function tokenOf(rules: readonly JwtRule[], request: SeenRequest, now: number): Token {
  const text = /^Bearer\s+(.*)$/i.exec(request.headers['authorization'] ?? '')?.[1];
  const header = rules.flatMap((r) => r.fromHeaders ?? []).find((h) => request.headers[h.name.toLowerCase()] !== undefined);
  const said = text ?? (header && request.headers[header.name.toLowerCase()]!.slice(header.prefix?.length ?? 0));
  if (said === undefined) return { why: 'the request brings no token, which passes here; a policy may ask for one' };
  const claims = payload(said);
  if (!claims) return { refused: 401, why: 'what the request brings is no token (JWT)' };
  const rule = rules.find((r) => r.issuer === claims['iss']);
  if (!rule) return { refused: 401, why: `no rule is for the issuer ${JSON.stringify(claims['iss'])}` };
  if (typeof claims['exp'] === 'number' && claims['exp'] * 1000 < now) return { refused: 401, why: 'the token has expired' };
  const audiences = new Set([claims['aud']].flat());
  if (rule.audiences?.length && !rule.audiences.some((a) => audiences.has(a)))
    return { refused: 403, why: `the token is for ${JSON.stringify(claims['aud'])}, the rule wants ${rule.audiences.join(' or ')}` };
  return { claims, why: `a token of ${rule.issuer}; that its signature holds is assumed here` };
}

function payload(token: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    return token.split('.').length === 3 && typeof value === 'object' && value ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
