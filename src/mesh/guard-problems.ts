/** What guards need and do not have: authorizers to ask, keys of issuers. */
import type { AuthorizationPolicy, RequestAuthentication } from '../api/index.ts';
import { authorizerNamed } from './authorizer.ts';
import { keySourceOf, type KeySet } from './key-source.ts';
import { memo } from './memo.ts';
import type { Model } from './model.ts';
import type { Problem } from './problem.ts';
import type { MeshService } from './service.ts';
import type { MeshConfig } from './snapshot.ts';

const NONE: readonly Problem[] = [];

export function guardProblems({ guards, config, services }: Model): readonly Problem[] {
  return found(guards, config, services);
}

const found = memo((guards: Model['guards'], config: MeshConfig, services: Model['services']): readonly Problem[] => [
  ...guards.policies.flatMap((p) => {
    if (p.spec?.action !== 'CUSTOM') return NONE;
    const host = authorizerNamed(config, p.spec.provider?.name)?.host;
    return ofAsking(p, config, host === undefined ? undefined : services.get(host));
  }),
  ...guards.requests.flatMap((r) => ofKeys(r, ...(r.spec?.jwtRules ?? []).map((rule) => guards.keySets.get(keySourceOf(rule)?.url ?? '')))),
]);

function problem(
  o: { metadata?: { namespace?: string; name?: string } },
  kind: string,
  said: Pick<Problem, 'code' | 'severity' | 'path' | 'message' | 'fix'>,
): Problem {
  return { object: { kind, namespace: o.metadata?.namespace, name: o.metadata?.name ?? '' }, ...said };
}

const ofAsking = memo((policy: AuthorizationPolicy, config: MeshConfig, service: MeshService | undefined): readonly Problem[] => {
  const { name = '' } = policy.spec?.provider ?? {};
  const authorizer = authorizerNamed(config, name);
  const say = (path: string, code: string, message: string, fix: string): Problem[] => [
    problem(policy, 'AuthorizationPolicy', { code, severity: 'error', path, message, fix }),
  ];
  const at = `extensionProviders of ConfigMap ${config.rootNamespace}/istio`;
  if (!authorizer)
    return say('spec.provider.name', 'IST0101', `there is no authorizer ${name}; what the rules match is refused.`, `Declare it in ${at}.`);
  const { host, port, speaks, failOpen } = authorizer;
  const otherwise = failOpen ? 'what the rules match passes' : `what the rules match is answered with ${authorizer.statusOnError}`;
  if (!service)
    return say('spec.provider.name', 'IST0101', `there is no service ${host} to ask; ${otherwise}.`, `Create it, or correct ${at}.`);
  const found = service.ports.find((p) => p.number === port);
  if (!found) return say('spec.provider.name', 'IST0101', `${host} has no port ${port} to ask; ${otherwise}.`, `Correct ${at}.`);
  const http2 = found.protocol === 'grpc' || found.protocol === 'http2';
  return speaks === 'grpc' && !http2
    ? say(
        'spec.provider.name',
        'SLU0106',
        `port ${port} of ${host} does not say that it speaks gRPC; ${otherwise}.`,
        'Call the port grpc, or set its appProtocol.',
      )
    : NONE;
});

const ofKeys = memo((request: RequestAuthentication, ...sets: (KeySet | undefined)[]): readonly Problem[] =>
  (request.spec?.jwtRules ?? []).flatMap((rule, i): Problem[] => {
    const source = keySourceOf(rule);
    const path = `spec.jwtRules[${i}]${rule.jwksUri ? '.jwksUri' : rule.jwks_uri ? '.jwks_uri' : ''}`;
    const refused = 'every token of this issuer is refused';
    const said = sets[i];
    if (!source)
      return rule.jwks || !rule.issuer
        ? []
        : [
            problem(request, 'RequestAuthentication', {
              code: 'SLU0107',
              severity: 'error',
              path,
              message: `no keys are named; ${refused}.`,
              fix: 'Give jwks or jwksUri.',
            }),
          ];
    if (!said?.error) return [];
    const what = said.keys ? 'the keys that were fetched before are used on' : refused;
    const fix = 'Make the URL answer with a key set, or write the keys into jwks.';
    return [
      problem(request, 'RequestAuthentication', {
        code: 'SLU0107',
        severity: said.keys ? 'warning' : 'error',
        path,
        message: `keys cannot be fetched from ${source.url} (${said.error}); ${what}.`,
        fix,
      }),
    ];
  }),
);
