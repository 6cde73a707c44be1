/** BackendTLSPolicies: how gateways speak TLS to the pods of a Service, and what the policies are told of themselves. */
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import type { gatewayApi } from '../api/index.ts';
import { authorityIn } from './authority.ts';
import type { TlsPolicy } from './destination-rule.ts';
import { no, yes, type Condition } from './gateway-listener.ts';
import { GATEWAY_CONTROLLER, statusOf, type ObjectStatus } from './gateway-status.ts';
import { NOWHERE } from './http-route.ts';
import { interner, memo } from './memo.ts';
import { kindName } from './reference-grant.ts';
import type { MeshService } from './service.ts';

type Policy = gatewayApi.BackendTLSPolicy;
type Target = Policy['spec']['targetRefs'][number];

/** What gateways do before the pods of one Service. */
export interface BackendTls {
  /** Of the oldest policy. */
  readonly namespace: string;
  readonly name: string;
  /** By port of the Service. */
  readonly ports: Readonly<Record<number, TlsPolicy>>;
}

export interface BackendTlsPolicies {
  /** By host of the Service. */
  readonly byHost: ReadonlyMap<string, BackendTls>;
  readonly statuses: readonly ObjectStatus[];
}

const NONE: BackendTlsPolicies = { byHost: new Map(), statuses: [] };
const intern = interner<BackendTls>();

/** Policies are the oldest first; `users` are the Gateways that send requests to each host. */
export const backendTlsOf = memo(
  (
    policies: readonly Policy[],
    users: ReadonlyMap<string, readonly gatewayApi.ParentRef[]>,
    services: ReadonlyMap<string, MeshService>,
    configMaps: ReadonlyMap<string, ConfigMap>,
    domain: string,
  ): BackendTlsPolicies => {
    if (!policies.length) return NONE;
    const claims = new Claims();
    const statuses = policies.map((policy): ObjectStatus => {
      const namespace = policy.metadata?.namespace ?? '';
      const trust = trustOf(policy, configMaps);
      const ancestors = new Map<string, NonNullable<ObjectStatus['ancestors']>[number]>();
      for (const target of policy.spec.targetRefs) {
        const host = `${target.name}.${namespace}.svc.${domain}`;
        const accepted = claims.add(policy, target, services.get(host), trust.tls) ?? trust.accepted;
        const self = { group: target.group, kind: target.kind, namespace, name: target.name };
        for (const ancestorRef of users.get(host) ?? [self]) {
          const key = JSON.stringify(ancestorRef);
          // Of several targets behind one Gateway, that one is told of which is not served.
          if (ancestors.get(key)?.conditions.some((c) => c.status === 'False')) continue;
          ancestors.set(key, { ancestorRef, controllerName: GATEWAY_CONTROLLER, conditions: [accepted, trust.resolved] });
        }
      }
      return statusOf({ ...policy, kind: 'BackendTLSPolicy' }, { ancestors: [...ancestors.values()] });
    });
    return { byHost: claims.byHost(), statuses };
  },
);

interface Claim {
  readonly policy: Policy;
  readonly tls: TlsPolicy;
}

/** Who has which Service: the oldest policy, and on a port the oldest that names it. */
class Claims {
  readonly #services = new Map<string, { service: MeshService; sections: Map<string, Claim> }>();

  /** Why the target is not the policy's; undefined when it is. */
  add(
    policy: Policy,
    { group, kind, name, sectionName = '' }: Target,
    service: MeshService | undefined,
    tls: TlsPolicy,
  ): Condition | undefined {
    if (group !== '' || kind !== 'Service') return no('Accepted', 'Invalid', `A target is a Service, not a ${kindName(group, kind)}.`);
    if (!service) return no('Accepted', 'TargetNotFound', `There is no Service ${policy.metadata?.namespace}/${name}.`);
    if (sectionName && !service.ports.some((p) => p.name === sectionName))
      return no('Accepted', 'TargetNotFound', `Service ${name} has no port ${sectionName}.`);
    const { sections } = this.#services.get(service.host) ?? { sections: new Map<string, Claim>() };
    const owner = sections.get(sectionName)?.policy.metadata?.name;
    if (owner) return no('Accepted', 'Conflicted', `BackendTLSPolicy ${owner}, which is older, has Service ${name}.`);
    sections.set(sectionName, { policy, tls });
    this.#services.set(service.host, { service, sections });
    return undefined;
  }

  byHost(): ReadonlyMap<string, BackendTls> {
    return new Map(
      [...this.#services].map(([host, { service, sections }]) => {
        const [{ policy }] = sections.values() as unknown as [Claim];
        const claimed = service.ports.flatMap((p) => {
          const claim = sections.get(p.name) ?? sections.get('');
          return claim ? [[p.number, claim.tls]] : [];
        });
        const { namespace = '', name = '' } = policy.metadata ?? {};
        return [host, intern({ namespace, name, ports: Object.fromEntries(claimed) as BackendTls['ports'] })];
      }),
    );
  }
}

interface Trust {
  readonly tls: TlsPolicy;
  readonly accepted: Condition;
  readonly resolved: Condition;
}

/** Whom the policy trusts. One that trusts nobody who can be found lets no connection through, rather than any. */
function trustOf({ metadata, spec: { validation, options = {} } }: Policy, configMaps: ReadonlyMap<string, ConfigMap>): Trust {
  const { hostname, caCertificateRefs = [], wellKnownCACertificates, subjectAltNames = [] } = validation;
  const names = subjectAltNames.flatMap((s) => (s.type === 'URI' ? s.uri : s.hostname) ?? []);
  const tls: TlsPolicy = { mode: 'SIMPLE', sni: hostname, subjectAltNames: names.length ? names : [hostname] };
  let resolved = yes('ResolvedRefs', 'All references were found.');
  const found: string[] = [];
  for (const ref of caCertificateRefs) {
    const pem = authorityIn({ ...ref, namespace: metadata?.namespace ?? '' }, configMaps);
    if (typeof pem === 'string') found.push(pem);
    else resolved = no('ResolvedRefs', pem.kind ? 'InvalidKind' : 'InvalidCACertificateRef', pem.message);
  }
  const more = Object.keys(options).length ? ' spec.options: none is known.' : '';
  const accepted = yes('Accepted', `The policy is in force.${more}`);
  if (found.length) return { tls: { ...tls, trusted: `${found.join('\n')}\n` }, accepted, resolved };
  if (!caCertificateRefs.length && wellKnownCACertificates === 'System') return { tls, accepted, resolved };
  const refused = caCertificateRefs.length
    ? no('Accepted', 'NoValidCACertificate', `${resolved.message} No connection is let through.`)
    : no('Accepted', 'Invalid', `wellKnownCACertificates "${wellKnownCACertificates}" is not known; System is.`);
  return { tls: { ...tls, subjectAltNames: [NOWHERE] }, accepted: refused, resolved };
}
