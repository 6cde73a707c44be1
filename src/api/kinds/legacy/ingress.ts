/** Old versions of Ingress and its neighbours. */
import type { Ingress, IngressBackend, IngressSpec } from 'kubernetes-types/networking/v1.js';
import type { LegacyVersion } from '../../kind.ts';
import type { AnyObject } from '../../object.ts';
import { oldVersion, withSpec } from './version.ts';

interface OldBackend {
  serviceName?: string;
  servicePort?: number | string;
  resource?: IngressBackend['resource'];
}
interface OldRule {
  host?: string;
  http?: { paths: { path?: string; pathType?: string; backend: OldBackend }[] };
}
interface OldSpec extends Omit<IngressSpec, 'defaultBackend' | 'rules'> {
  backend?: OldBackend;
  rules?: OldRule[];
}

function backendUp({ serviceName, servicePort, ...rest }: OldBackend = {}): IngressBackend {
  if (serviceName === undefined && servicePort === undefined) return rest;
  const port = typeof servicePort === 'number' ? { number: servicePort } : servicePort === undefined ? {} : { name: servicePort };
  return { ...rest, service: { name: serviceName ?? '', port } };
}

function backendDown({ service, ...rest }: IngressBackend): OldBackend {
  if (!service) return rest;
  return { ...rest, serviceName: service.name, servicePort: service.port?.name || (service.port?.number ?? 0) };
}

function up(o: AnyObject): AnyObject {
  return withSpec(o, (spec) => {
    const { backend, rules, ...rest } = spec as OldSpec;
    return {
      ...rest,
      ...(backend ? { defaultBackend: backendUp(backend) } : {}),
      ...(rules
        ? {
            rules: rules.map((rule) => ({
              ...rule,
              ...(rule.http
                ? {
                    http: {
                      ...rule.http,
                      paths: (rule.http.paths ?? []).map((p) => ({
                        pathType: 'ImplementationSpecific',
                        ...p,
                        backend: backendUp(p.backend),
                      })),
                    },
                  }
                : {}),
            })),
          }
        : {}),
    };
  });
}

function down(o: AnyObject): AnyObject {
  return withSpec(o, (spec) => {
    const { defaultBackend, rules, ...rest } = spec as NonNullable<Ingress['spec']>;
    return {
      ...rest,
      ...(defaultBackend ? { backend: backendDown(defaultBackend) } : {}),
      ...(rules
        ? {
            rules: rules.map((rule) => ({
              ...rule,
              ...(rule.http
                ? { http: { ...rule.http, paths: rule.http.paths.map((p) => ({ ...p, backend: backendDown(p.backend) })) } }
                : {}),
            })),
          }
        : {}),
    };
  });
}

export const oldIngresses: readonly LegacyVersion[] = [
  oldVersion({
    of: 'networking.k8s.io/v1beta1',
    kind: 'Ingress',
    message: 'k8s.io.api.networking.v1beta1.Ingress',
    until: [19, 22],
    use: 'networking.k8s.io/v1 Ingress',
    upgrade: up,
    downgrade: down,
  }),
  oldVersion({
    of: 'extensions/v1beta1',
    kind: 'Ingress',
    message: 'k8s.io.api.extensions.v1beta1.Ingress',
    until: [14, 22],
    use: 'networking.k8s.io/v1 Ingress',
    upgrade: up,
    downgrade: down,
  }),
];

export const oldIngressClasses: readonly LegacyVersion[] = [
  // The real server says IngressClassList.
  oldVersion({ of: 'networking.k8s.io/v1beta1', kind: 'IngressClass', until: [19, 22], use: 'networking.k8s.io/v1 IngressClassList' }),
];

export const oldNetworkPolicies: readonly LegacyVersion[] = [
  oldVersion({ of: 'extensions/v1beta1', kind: 'NetworkPolicy', until: [9, 16], use: 'networking.k8s.io/v1 NetworkPolicy' }),
];
