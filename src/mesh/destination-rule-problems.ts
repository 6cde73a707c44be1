/** What DestinationRules say that will not do what their author meant. */
import type { DestinationRule, TrafficPolicy } from '../api/index.ts';
import type { MeshEndpoints } from './endpoints.ts';
import { covers, fullHost } from './host.ts';
import { flatMapped, mapped, memo } from './memo.ts';
import type { Model } from './model.ts';
import type { Problem } from './problem.ts';
import type { MeshService } from './service.ts';
import { unsoundSettings } from './sound-policy.ts';
import { changedKeys } from './table.ts';
import { selects } from './workload.ts';

type Found = Omit<Problem, 'object'>;
const hostOf = (rule: DestinationRule, domain: string): string => fullHost(rule.spec.host, rule.metadata?.namespace ?? '', domain);

/** Finds them in one model after another; a rule is looked at again when it, or a service or endpoints of its host, changed. */
export function createDestinationRuleProblems(): (model: Model) => readonly Problem[] {
  const hosts = mapped(hostOf);
  let last: Pick<Model, 'services' | 'endpoints'> = { services: new Map(), endpoints: new Map() };
  const ofRules = flatMapped((rule: DestinationRule, domain: string) => {
    const { services, endpoints } = last;
    const host = hostOf(rule, domain);
    // For a wildcard, one of the services that it is for.
    const service = services.get(host) ?? (host.startsWith('*') ? [...services.values()].find((s) => covers(host, s.host)) : undefined);
    return problemsOfRule(rule, domain, service, service && endpoints.get(service.host));
  });
  return ({ destinationRules: { all }, services, endpoints, config: { domain } }) => {
    const moved = new Set([...changedKeys(last.services, services), ...changedKeys(last.endpoints, endpoints)]);
    last = { services, endpoints };
    const of = hosts(all, domain);
    const again = (place: number): boolean => moved.has(of[place]!) || of[place]!.startsWith('*');
    return ofRules(all, domain, moved.size ? again : undefined);
  };
}

const problemsOfRule = memo(
  (rule: DestinationRule, domain: string, service: MeshService | undefined, endpoints: MeshEndpoints | undefined): readonly Problem[] => {
    const host = hostOf(rule, domain);
    const object = { kind: 'DestinationRule', namespace: rule.metadata?.namespace, name: rule.metadata?.name ?? '' };
    if (!service) {
      return [
        {
          object,
          code: 'IST0174',
          severity: 'warning',
          path: 'spec.host',
          message: `there is no service ${host}.`,
          fix: 'Correct the name; a name without a dot means this namespace.',
        },
      ];
    }
    return [...settingProblems(rule), ...emptySubsets(rule, host, endpoints)].map((p) => ({ object, ...p }));
  },
);

function emptySubsets(rule: DestinationRule, host: string, endpoints: MeshEndpoints | undefined): Found[] {
  const all = Object.values(endpoints?.ports ?? {}).flat();
  if (host.startsWith('*') || !all.length) return [];
  return (rule.spec.subsets ?? []).flatMap((s, i): Found[] =>
    all.some((e) => selects(s.labels, e.labels))
      ? []
      : [
          {
            code: 'IST0173',
            severity: 'warning',
            path: `spec.subsets[${i}].labels`,
            message: `no ready pod of ${host} has the labels of subset ${s.name}; requests sent there are answered with 503.`,
            fix: 'Correct the labels, or start pods that have them.',
          },
        ],
  );
}

function settingProblems(rule: DestinationRule): Found[] {
  const policies: [string, TrafficPolicy | undefined][] = [
    ['spec.trafficPolicy', rule.spec.trafficPolicy],
    ...(rule.spec.subsets ?? []).map((s, i): [string, TrafficPolicy | undefined] => [`spec.subsets[${i}].trafficPolicy`, s.trafficPolicy]),
  ];
  return policies.flatMap(([path, policy]) => {
    if (!policy) return [];
    const own = unsoundSettings(policy).map((u) => ({ ...u, path: `${path}.${u.path}` }));
    const ports = (policy.portLevelSettings ?? []).flatMap((p, i) =>
      unsoundSettings(p).map((u) => ({ ...u, path: `${path}.portLevelSettings[${i}].${u.path}` })),
    );
    return [...own, ...ports].map((u): Found => ({
      code: 'IST0106',
      severity: 'error',
      path: u.path,
      message: `${u.message} This part of the policy is left out.`,
      fix: u.fix,
    }));
  });
}
