import type { Destination, DestinationRule, HTTPMatchRequest, TrafficPolicy } from '../api/index.ts';
import { hostOf } from './gateway.ts';
import { covers, fullHost, intersect } from './host.ts';
import type { Model } from './model.ts';
import type { Problem } from './problem.ts';
import { unsoundSettings } from './sound-policy.ts';
import { unsoundParts } from './soundness.ts';
import { MESH, type Rules } from './virtual-service.ts';
import { selects } from './workload.ts';

type Found = Omit<Problem, 'object'>;

/** Everything in the model that will not do what its author meant; equal models give equal lists. */
export function problemsOf(model: Model): readonly Problem[] {
  const owners = hostOwners(model);
  return [
    ...model.virtualServices.all.flatMap((rules) => {
      const object = { kind: 'VirtualService', namespace: rules.namespace, name: rules.name };
      return [...hostProblems(rules, owners), ...gatewayProblems(model, rules), ...routeProblems(model, rules)].map((p) => ({
        object,
        ...p,
      }));
    }),
    ...model.destinationRules.all.flatMap((rule) => {
      const object = { kind: 'DestinationRule', namespace: rule.metadata?.namespace, name: rule.metadata?.name ?? '' };
      return destinationRuleProblems(model, rule).map((p) => ({ object, ...p }));
    }),
    ...gatewayPortProblems(model),
  ];
}

/** Which VirtualService each mesh host belongs to: the oldest. */
function hostOwners(model: Model): ReadonlyMap<string, Rules> {
  const owners = new Map<string, Rules>();
  for (const rules of model.virtualServices.all) {
    if (rules.gateways.includes(MESH)) for (const host of rules.hosts) if (!owners.has(host)) owners.set(host, rules);
  }
  return owners;
}

function hostProblems(rules: Rules, owners: ReadonlyMap<string, Rules>): Found[] {
  if (!rules.gateways.includes(MESH)) return [];
  return rules.hosts.flatMap((host, i): Found[] => {
    const path = `spec.hosts[${i}]`;
    const owner = owners.get(host);
    if (owner && owner !== rules) {
      return [
        {
          code: 'IST0109',
          severity: 'error',
          path,
          message: `sidecars follow VirtualService ${owner.namespace}/${owner.name} for ${host}, which is older; this one is ignored for that host.`,
          fix: 'Move its rules into the older VirtualService, or delete one of the two.',
        },
      ];
    }
    if (host === '*') {
      return [
        {
          code: 'IST0106',
          severity: 'error',
          path,
          message: '"*" cannot be a host for sidecars.',
          fix: 'Name the hosts, or bind the VirtualService to a gateway only.',
        },
      ];
    }
    return [];
  });
}

function gatewayProblems(model: Model, rules: Rules): Found[] {
  return rules.gateways.flatMap((name, i): Found[] => {
    if (name === MESH) return [];
    const gateway = model.gateways.find((g) => `${g.metadata?.namespace}/${g.metadata?.name}` === name);
    if (!gateway) {
      return [
        {
          code: 'IST0101',
          severity: 'error',
          path: `spec.gateways[${i}]`,
          message: `there is no Gateway ${name}.`,
          fix: 'Create it, or name one that exists as namespace/name.',
        },
      ];
    }
    const served = (gateway.spec?.servers ?? [])
      .flatMap((s) => s.hosts ?? [])
      .map((h) => fullHost(hostOf(h), gateway.metadata?.namespace ?? '', model.config.domain));
    return rules.hosts.flatMap((host, h): Found[] =>
      served.some((s) => intersect(s, host))
        ? []
        : [
            {
              code: 'IST0132',
              severity: 'warning',
              path: `spec.hosts[${h}]`,
              message: `Gateway ${name} does not serve ${host}.`,
              fix: `Add ${host} to the hosts of one of its servers.`,
            },
          ],
    );
  });
}

function routeProblems(model: Model, rules: Rules): Found[] {
  const found: Found[] = [];
  let closed: string | undefined;
  (rules.spec.http ?? []).forEach((http, i) => {
    const path = `spec.http[${i}]`;
    if (closed) {
      found.push({
        code: 'IST0130',
        severity: 'warning',
        path,
        message: `never reached: ${closed} already takes every request.`,
        fix: 'Put it before that one, or delete it.',
      });
    }
    if (!unsoundParts(http).length && (!http.match?.length || http.match.some(takesAll))) closed ??= path;
    http.route?.forEach((r, j) => found.push(...destinationProblems(model, rules, r.destination, `${path}.route[${j}].destination`)));
    if (http.mirror) found.push(...destinationProblems(model, rules, http.mirror, `${path}.mirror`));
    http.mirrors?.forEach((m, j) => found.push(...destinationProblems(model, rules, m.destination, `${path}.mirrors[${j}].destination`)));
    for (const u of unsoundParts(http)) {
      found.push({
        code: 'IST0106',
        severity: 'error',
        path: `${path}.${u.path}`,
        message: `${u.message} The rule is left out.`,
        fix: u.fix,
      });
    }
    if (http.fault?.delay?.fixedDelay && http.fault.delay.percentage === undefined && http.fault.delay.percent === undefined) {
      found.push({
        code: 'SLU0001',
        severity: 'warning',
        path: `${path}.fault.delay`,
        message: 'a delay without a percentage never happens.',
        fix: 'Set percentage.value, 100 for every request.',
      });
    }
  });
  return found;
}

function takesAll(m: HTTPMatchRequest): boolean {
  const { name: _name, ...rest } = m;
  const keys = Object.keys(rest);
  return keys.length === 0 || (keys.length === 1 && m.uri?.prefix === '/');
}

function destinationProblems(model: Model, rules: Rules, d: Destination | undefined, path: string): Found[] {
  if (!d?.host) return [];
  const host = fullHost(d.host, rules.namespace, model.config.domain);
  const service = model.services.get(host) ?? [...model.services.values()].find((s) => covers(s.host, host));
  if (!service) {
    return [
      {
        code: 'IST0101',
        severity: 'error',
        path: `${path}.host`,
        message: `there is no service ${host}; requests sent there are answered with 503.`,
        fix: 'Create the Service or a ServiceEntry, or correct the name; a name without a dot means this namespace.',
      },
    ];
  }
  const found: Found[] = [];
  const ports = service.ports.map((p) => p.number);
  if (d.port?.number !== undefined && !ports.includes(d.port.number)) {
    found.push({
      code: 'IST0101',
      severity: 'error',
      path: `${path}.port.number`,
      message: `${host} has no port ${d.port.number}; it has ${ports.join(', ')}.`,
      fix: 'Use one of the ports of the Service (not of its pods).',
    });
  } else if (d.port?.number === undefined && ports.length > 1 && !rules.gateways.includes(MESH)) {
    found.push({
      code: 'IST0112',
      severity: 'error',
      path: `${path}.port`,
      message: `${host} has the ports ${ports.join(', ')} and none is named.`,
      fix: 'Set port.number.',
    });
  }
  const subsets = model.destinationRules.of(rules.namespace, service)?.subsets.map((s) => s.name) ?? [];
  if (d.subset && !subsets.includes(d.subset)) {
    found.push({
      code: 'IST0101',
      severity: 'error',
      path: `${path}.subset`,
      message: `no DestinationRule names a subset ${d.subset} of ${host}; requests sent there are answered with 503.`,
      fix: subsets.length ? `Use one of ${subsets.join(', ')}, or add the subset.` : 'Create a DestinationRule with that subset.',
    });
  }
  return found;
}

function destinationRuleProblems(model: Model, rule: DestinationRule): Found[] {
  const host = fullHost(rule.spec.host, rule.metadata?.namespace ?? '', model.config.domain);
  const service = model.services.get(host) ?? [...model.services.values()].find((s) => covers(host, s.host));
  if (!service) {
    return [
      {
        code: 'IST0174',
        severity: 'warning',
        path: 'spec.host',
        message: `there is no service ${host}.`,
        fix: 'Correct the name; a name without a dot means this namespace.',
      },
    ];
  }
  const settings = settingProblems(rule);
  const all = Object.values(model.endpoints.get(service.host)?.ports ?? {}).flat();
  if (host.startsWith('*') || !all.length) return settings;
  const empty = (rule.spec.subsets ?? []).flatMap((s, i): Found[] =>
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
  return [...settings, ...empty];
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

/** Two servers that cannot share a port of the same proxies. */
function gatewayPortProblems(model: Model): Problem[] {
  const problems: Problem[] = [];
  const taken = new Map<string, { owner: string; tls: boolean }>();
  for (const gateway of model.gateways) {
    const { namespace = '', name = '' } = gateway.metadata ?? {};
    (gateway.spec?.servers ?? []).forEach((server, i) => {
      const report = (path: string, message: string, fix: string): unknown =>
        problems.push({ object: { kind: 'Gateway', namespace, name }, code: 'IST0145', severity: 'error', path, message, fix });
      const key = `${JSON.stringify(gateway.spec?.selector ?? {})} ${server.port?.number}`;
      const tls = server.tls?.mode !== undefined;
      const first = taken.get(key);
      if (!first) taken.set(key, { owner: `${namespace}/${name}`, tls });
      else if (first.tls !== tls) {
        report(
          `spec.servers[${i}].port`,
          `port ${server.port?.number} is already used by Gateway ${first.owner} for ${first.tls ? 'TLS' : 'plain HTTP'}.`,
          'Use another port.',
        );
      }
      if (
        /^https$/i.test(server.port?.protocol ?? '') &&
        ['SIMPLE', 'MUTUAL'].includes(server.tls?.mode ?? '') &&
        !server.tls?.credentialName
      ) {
        report(
          `spec.servers[${i}].tls`,
          'there is no certificate to serve.',
          'Set credentialName to a TLS Secret in the namespace of the gateway pods.',
        );
      }
    });
  }
  return problems;
}
