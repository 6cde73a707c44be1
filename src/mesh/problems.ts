import type { Destination, Gateway, Sidecar } from '../api/index.ts';
import { delegateNamed, delegateOf } from './delegate.ts';
import type { HostPolicy } from './destination-rule.ts';
import { hostOf } from './gateway.ts';
import { guardProblems } from './guard-problems.ts';
import { fullHost, intersect, lookupHost } from './host.ts';
import { createDestinationRuleProblems } from './destination-rule-problems.ts';
import { flatMapped, joined, mapped, memo } from './memo.ts';
import type { Model } from './model.ts';
import type { Problem } from './problem.ts';
import type { MeshService } from './service.ts';
import type { RuleMatch } from './rule.ts';
import { unsoundPools } from './sidecar.ts';
import { unsoundParts } from './soundness.ts';
import { changedKeys } from './table.ts';
import { telemetryProblems } from './telemetry-problems.ts';
import { MESH, type Rules, type VirtualServices } from './virtual-service.ts';
import { createWithoutEffect } from './without-effect.ts';

type Found = Omit<Problem, 'object'>;

/** Everything in the model that will not do what its author meant. */
export function problemsOf(model: Model): readonly Problem[] {
  return createProblems()(model);
}

/**
 * Finds them in one model after another; problems that stay are the same objects, and so is the list. An object is looked at again
 * when something that it is judged by changed.
 */
export function createProblems(): (model: Model) => readonly Problem[] {
  const ofTargets = createTargetProblems();
  const ofDelegates = flatMapped(delegateProblems);
  const ofDestinationRules = createDestinationRuleProblems();
  const ofIdle = createWithoutEffect();
  return (model) => {
    const { virtualServices, gateways } = model;
    const own = written(virtualServices.all);
    return joined(
      model.misshapen,
      hostProblems(virtualServices.heads),
      ofTargets(own, model),
      ofDelegates(own, virtualServices.delegates ? virtualServices : undefined),
      ofDestinationRules(model),
      inboundPoolProblems(model.sidecars.all),
      gatewayPortProblems(gateways),
      ofIdle(model),
      guardProblems(model),
      telemetryProblems(model),
      model.entrance.problems,
    );
  };
}

/** Those of VirtualServices. */
const written = memo((all: readonly Rules[]): readonly Rules[] => (all.some((r) => r.kind) ? all.filter((r) => !r.kind) : all));

const NO_PROBLEMS: readonly Problem[] = [];

/** What is wrong with gateways and destinations: looked at again for rules that send requests where a service or a policy changed. */
function createTargetProblems(): (own: readonly Rules[], model: Model) => readonly Problem[] {
  const targets = mapped(targetsOf);
  let last: Pick<Model, 'services' | 'destinationRules'> | undefined;
  const of = flatMapped((rules: Rules, { gateways, domain }: ReturnType<typeof around>) => {
    const { services, destinationRules } = last!;
    const judged = targetsOf(rules, domain).flatMap((host) => {
      const service = lookupHost(services, host);
      return [host, service, service && destinationRules.of(rules.namespace, service)];
    });
    const inMeshOnly = rules.gateways.length === 1 && rules.gateways[0] === MESH;
    return problemsOfRules(rules, domain, inMeshOnly ? undefined : gateways, ...judged);
  });
  return (own, model) => {
    const { services, destinationRules, gateways, config } = model;
    const moved = last ? [...changedKeys(last.services, services), ...destinationRules.hostsUnlike(last.destinationRules)] : [];
    last = { services, destinationRules };
    const hosts = new Set(moved);
    const wide = moved.some((host) => host.startsWith('*'));
    const sent = targets(own, config.domain);
    const again = (place: number): boolean => wide || sent[place]!.some((host) => hosts.has(host));
    return of(own, around(gateways, config.domain), moved.length ? again : undefined);
  };
}

const around = memo((gateways: Model['gateways'], domain: string) => ({ gateways, domain }));

/** Routes that are left to nobody. `all` is there where somebody delegates. */
function delegateProblems(rules: Rules, all: VirtualServices | undefined): readonly Problem[] {
  if (!all || !rules.spec.http?.some((h) => h.delegate)) return NO_PROBLEMS;
  const find = (key: string): Rules | undefined => all.named(key);
  return problemsOfDelegates(rules, ...rules.spec.http.flatMap((h) => [delegateOf(h, rules, find), delegateNamed(h, rules, find)]));
}

const problemsOfDelegates = memo((rules: Rules, ...found: (Rules | undefined)[]): readonly Problem[] =>
  (rules.spec.http ?? []).flatMap((http, i): Problem[] => {
    const [delegate, named] = [found[2 * i], found[2 * i + 1]];
    if (!http.delegate || delegate) return [];
    const name = `${http.delegate.namespace || rules.namespace}/${http.delegate.name}`;
    return [
      {
        object: { kind: 'VirtualService', namespace: rules.namespace, name: rules.name },
        code: 'IST0101',
        severity: 'error',
        path: `spec.http[${i}].delegate`,
        message: named
          ? `VirtualService ${name} cannot be delegated to: it has hosts, or is not exported here.`
          : `there is no VirtualService ${name}.`,
        fix: named ? 'Remove its hosts, and export it to this namespace.' : 'Create it, or correct the name and namespace.',
      },
    ];
  }),
);

/** Every host that the rules send requests to, full. */
const targetsOf = memo((rules: Rules, domain: string): readonly string[] => {
  const destinations = (rules.spec.http ?? []).flatMap((http) => [
    ...(http.route ?? []).map((r) => r.destination),
    http.mirror,
    ...(http.mirrors ?? []).map((m) => m.destination),
  ]);
  return [...new Set(destinations.flatMap((d) => (d?.host ? [fullHost(d.host, rules.namespace, domain)] : [])))];
});

type Target = readonly [service: MeshService | undefined, policy: HostPolicy | undefined];

const problemsOfRules = memo(
  (
    rules: Rules,
    domain: string,
    gateways: readonly Gateway[] | undefined,
    ...flat: (string | MeshService | HostPolicy | undefined)[]
  ): readonly Problem[] => {
    const targets = new Map<string, Target>();
    for (let i = 0; i < flat.length; i += 3) targets.set(flat[i] as string, [flat[i + 1] as MeshService, flat[i + 2] as HostPolicy]);
    const object = { kind: 'VirtualService', namespace: rules.namespace, name: rules.name };
    const find = (host: string): Target => targets.get(fullHost(host, rules.namespace, domain)) ?? [undefined, undefined];
    const found = [...gatewayProblems(gateways ?? [], rules, domain), ...routeProblems(rules, domain, find)];
    return found.map((p) => ({ object, ...p }));
  },
);

/** Hosts that cannot be a sidecar's, or belong to an older VirtualService. */
const hostProblems = memo((heads: VirtualServices['heads']): readonly Problem[] => {
  const owners = new Map<string, (typeof heads)[number]>();
  return heads.flatMap((head) => {
    if (!head.gateways.includes(MESH)) return NO_PROBLEMS;
    return head.hosts.flatMap((host, i): Problem[] => {
      const owner = owners.get(host) ?? head;
      owners.set(host, owner);
      const said = head.kind ? undefined : hostProblem(host, owner === head ? undefined : owner);
      const object = { kind: 'VirtualService', namespace: head.namespace, name: head.name };
      return said ? [{ object, severity: 'error', path: `spec.hosts[${i}]`, ...said }] : [];
    });
  });
});

function hostProblem(
  host: string,
  owner: { namespace: string; name: string } | undefined,
): Pick<Problem, 'code' | 'message' | 'fix'> | undefined {
  if (owner)
    return {
      code: 'IST0109',
      message: `sidecars follow VirtualService ${owner.namespace}/${owner.name} for ${host}, which is older; this one is ignored for that host.`,
      fix: 'Move its rules into the older VirtualService, or delete one of the two.',
    };
  if (host !== '*') return undefined;
  return {
    code: 'IST0106',
    message: '"*" cannot be a host for sidecars.',
    fix: 'Name the hosts, or bind the VirtualService to a gateway only.',
  };
}

function gatewayProblems(gateways: readonly Gateway[], rules: Rules, domain: string): Found[] {
  return rules.gateways.flatMap((name, i): Found[] => {
    if (name === MESH) return [];
    const gateway = gateways.find((g) => `${g.metadata?.namespace}/${g.metadata?.name}` === name);
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
      .map((h) => fullHost(hostOf(h), gateway.metadata?.namespace ?? '', domain));
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

function routeProblems(rules: Rules, domain: string, find: (host: string) => Target): Found[] {
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
    if (!http.delegate && !unsoundParts(http).length && (!http.match?.length || http.match.some(takesAll))) closed ??= path;
    http.route?.forEach((r, j) =>
      found.push(...destinationProblems(rules, domain, find, r.destination, `${path}.route[${j}].destination`)),
    );
    if (http.mirror) found.push(...destinationProblems(rules, domain, find, http.mirror, `${path}.mirror`));
    http.mirrors?.forEach((m, j) =>
      found.push(...destinationProblems(rules, domain, find, m.destination, `${path}.mirrors[${j}].destination`)),
    );
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

function takesAll(m: RuleMatch): boolean {
  const { name: _name, ...rest } = m;
  const keys = Object.keys(rest);
  return keys.length === 0 || (keys.length === 1 && m.uri?.prefix === '/');
}

function destinationProblems(
  rules: Rules,
  domain: string,
  find: (host: string) => Target,
  d: Destination | undefined,
  path: string,
): Found[] {
  if (!d?.host) return [];
  const host = fullHost(d.host, rules.namespace, domain);
  const [service, policy] = find(d.host);
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
  const subsets = policy?.subsets.map((s) => s.name) ?? [];
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

const inboundPoolProblems = memo((sidecars: readonly Sidecar[]): readonly Problem[] =>
  sidecars.flatMap((sidecar) =>
    unsoundPools(sidecar).map((u) => ({
      object: { kind: 'Sidecar', namespace: sidecar.metadata?.namespace, name: sidecar.metadata?.name ?? '' },
      code: 'IST0106',
      severity: 'error',
      path: u.path,
      message: `${u.message} The pool is left out.`,
      fix: u.fix,
    })),
  ),
);

/** Two servers that cannot share a port of the same proxies. */
const gatewayPortProblems = memo((gateways: readonly Gateway[]): readonly Problem[] => {
  const problems: Problem[] = [];
  const taken = new Map<string, { owner: string; tls: boolean }>();
  for (const gateway of gateways) {
    const { namespace = '', name = '' } = gateway.metadata ?? {};
    (gateway.spec?.servers ?? []).forEach((server, i) => {
      const report = (path: string, message: string, fix: string): unknown =>
        problems.push({ object: { kind: 'Gateway', namespace, name }, code: 'IST0145', severity: 'error', path, message, fix });
      const key = `${JSON.stringify(gateway.spec?.selector ?? {})} ${server.bind ?? ''} ${server.port?.number}`;
      const tls = server.tls?.mode !== undefined || /^(https|tls)$/i.test(server.port?.protocol ?? '');
      const first = taken.get(key);
      if (!first) taken.set(key, { owner: `${namespace}/${name}`, tls });
      else if (first.tls !== tls) {
        report(
          `spec.servers[${i}].port`,
          `port ${server.port?.number} is already used by Gateway ${first.owner} for ${first.tls ? 'TLS' : 'plain HTTP'}.`,
          'Use another port.',
        );
      }
      const { mode = '', credentialName, credentialNames = [] } = server.tls ?? {};
      if (['SIMPLE', 'MUTUAL', 'OPTIONAL_MUTUAL'].includes(mode) && !credentialName && !credentialNames.length) {
        report(
          `spec.servers[${i}].tls`,
          'there is no certificate to serve.',
          'Set credentialName to a TLS Secret in the namespace of the gateway pods.',
        );
      }
    });
  }
  return problems;
});
