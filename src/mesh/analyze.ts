/** What can be said of a whole mesh at leisure, beyond the problems that stand on its objects. Codes are Istio's analyzers'. */
import type { Pod, Service } from 'kubernetes-types/core/v1.js';
import {
  keyOf,
  type DestinationRule,
  type KubeObject,
  type PeerAuthentication,
  type ServiceEntry,
  type TrafficPolicy,
} from '../api/index.ts';
import { filterPatches } from './analyze-filters.ts';
import { gatewaysIn } from './analyze-gateways.ts';
import { podAnnotations } from './analyze-pods.ts';
import { claimsOfNobody, ineffectiveMatches } from './analyze-routes.ts';
import { protocolConflicts } from './conflicts.ts';
import { hasProxy } from './endpoints.ts';
import { defaultInjection, wantsSidecar } from './inject.ts';
import { createModeler } from './model.ts';
import type { Problem } from './problem.ts';
import { problemsOf } from './problems.ts';
import { protocolOf } from './protocol.ts';
import type { Snapshot } from './snapshot.ts';
import { createScreen } from './sound-objects.ts';
import { selects } from './workload.ts';

export interface AnalysisInput {
  readonly snapshot: Snapshot;
  /** `namespace/name` of every Secret; absent where they are not known, and then nothing is said of them. */
  readonly secrets?: ReadonlySet<string>;
}

/** The worst first, then by object. */
export function analyze(input: AnalysisInput): Problem[] {
  const { snapshot } = createScreen()(input.snapshot);
  const found = [
    ...problemsOf(createModeler()(input.snapshot)),
    ...[...snapshot.namespaces.values()].flatMap((n) => notInjected(n, snapshot)),
    ...[...snapshot.pods.values()].flatMap((p) => withoutSidecar(p, snapshot)),
    ...podAnnotations(snapshot.pods.values()),
    ...[...snapshot.pods.values()].flatMap((p) => deprecated('Pod', p)),
    ...[...snapshot.services.values()].flatMap((s) => [...portNames(s), ...misplaced('Service', s), ...deprecated('Service', s)]),
    ...[...snapshot.namespaces.values()].flatMap((n) => misplaced('Namespace', n)),
    ...[...snapshot.authorizationPolicies.values()].flatMap((o) => unmatched('AuthorizationPolicy', o, snapshot)),
    ...[...snapshot.requestAuthentications.values()].flatMap((o) => unmatched('RequestAuthentication', o, snapshot)),
    ...[...snapshot.peerAuthentications.values()].flatMap((o) => unmatched('PeerAuthentication', o, snapshot)),
    ...[...snapshot.peerAuthentications.values()].flatMap((o) => ineffective(o, snapshot)),
    ...gatewaysIn(snapshot, input.secrets),
    ...[...snapshot.virtualServices.values()].flatMap((o) => [...ineffectiveMatches(o), ...claimsOfNobody(o, snapshot)]),
    ...[...snapshot.envoyFilters.values()].flatMap(filterPatches),
    ...[...snapshot.destinationRules.values()].flatMap(unverified),
    ...[...snapshot.serviceEntries.values()].flatMap(withoutAddresses),
    ...protocolConflicts(snapshot.serviceEntries.values(), snapshot.config.domain),
  ];
  const rank = { error: 0, warning: 1, info: 2 };
  const place = (p: Problem): string => `${p.object.kind} ${p.object.namespace ?? ''}/${p.object.name} ${p.path}`;
  return found.sort((a, b) => rank[a.severity] - rank[b.severity] || place(a).localeCompare(place(b), 'en', { numeric: true }));
}

function problem(
  kind: string,
  object: KubeObject,
  severity: Problem['severity'],
  code: string,
  path: string,
  message: string,
  fix: string,
): Problem {
  return { object: { kind, ...keyOf(object) }, severity, code, path, message, fix };
}

/** Namespaces whose pods are nobody's mesh: those of the system are not meant. */
const SYSTEM = /^(kube-|istio-system$|local-path-storage$)/;

function notInjected(namespace: KubeObject, { pods }: Snapshot): Problem[] {
  const name = namespace.metadata?.name ?? '';
  const labels = namespace.metadata?.labels ?? {};
  if (SYSTEM.test(name) || labels['istio-injection'] || labels['istio.io/rev']) return [];
  if (![...pods.values()].some((p) => p.metadata?.namespace === name)) return [];
  const fix = `Run "kubectl label namespace ${name} istio-injection=enabled", or =disabled if that is meant.`;
  return [problem('Namespace', namespace, 'info', 'IST0102', 'metadata.labels', 'it has pods, and they get no sidecar.', fix)];
}

function withoutSidecar(pod: Pod, { namespaces }: Snapshot): Problem[] {
  const labels = namespaces.get(pod.metadata?.namespace ?? '')?.metadata?.labels ?? {};
  if (hasProxy(pod) || pod.metadata?.deletionTimestamp || !wantsSidecar(pod, labels, defaultInjection)) return [];
  const proxy = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].some((c) => c.name === 'istio-proxy');
  if (proxy) return [];
  const fix = 'Delete the pod (or "kubectl rollout restart" what made it): a sidecar comes with a new one.';
  return [
    problem(
      'Pod',
      pod,
      'warning',
      'IST0103',
      'spec.containers',
      'it has no sidecar, though its namespace wants one: it is older than that.',
      fix,
    ),
  ];
}

function portNames(service: Service): Problem[] {
  if (SYSTEM.test(service.metadata?.namespace ?? '') || service.spec?.type === 'ExternalName' || service.metadata?.name === 'kubernetes')
    return [];
  return (service.spec?.ports ?? []).flatMap((port, i): Problem[] => {
    if (protocolOf(port) !== 'auto') return [];
    const message = `the name "${port.name ?? ''}" of port ${port.port} does not say what it speaks, so proxies look at the first bytes.`;
    return [
      problem(
        'Service',
        service,
        'info',
        'IST0118',
        `spec.ports[${i}].name`,
        message,
        'Name it as in http, http-web, grpc or tcp-db, or set appProtocol.',
      ),
    ];
  });
}

/** Annotations that are read on pods only. */
const OF_PODS = /^(sidecar|proxy|traffic\.sidecar|status\.sidecar)\.istio\.io\//;

function misplaced(kind: string, object: KubeObject): Problem[] {
  return Object.keys(object.metadata?.annotations ?? {}).flatMap((name): Problem[] =>
    OF_PODS.test(name)
      ? [
          problem(
            kind,
            object,
            'warning',
            'IST0107',
            `metadata.annotations.${name}`,
            `it is read on pods, not on a ${kind}.`,
            'Move it to the template of the pods.',
          ),
        ]
      : [],
  );
}

/** Annotations that Istio gives up, with what to use instead where there is something. */
const DEPRECATED: Readonly<Record<string, string>> = {
  'alpha.istio.io/canonical-serviceaccounts': '',
  'alpha.istio.io/identity': '',
  'alpha.istio.io/kubernetes-serviceaccounts': '',
  'sidecar.istio.io/controlPlaneAuthPolicy': '',
  'sidecar.istio.io/discoveryAddress': '',
  'sidecar.istio.io/inject': 'the label of the same name',
  'sidecar.istio.io/statsInclusionPrefixes': 'proxyStatsMatcher in proxy.istio.io/config',
  'sidecar.istio.io/statsInclusionRegexps': 'proxyStatsMatcher in proxy.istio.io/config',
  'sidecar.istio.io/statsInclusionSuffixes': 'proxyStatsMatcher in proxy.istio.io/config',
};

function deprecated(kind: string, object: KubeObject): Problem[] {
  return Object.keys(object.metadata?.annotations ?? {}).flatMap((name): Problem[] => {
    const instead = DEPRECATED[name];
    if (instead === undefined || (kind !== 'Pod' && OF_PODS.test(name))) return [];
    const fix = instead ? `Use ${instead}.` : 'Leave it out.';
    return [problem(kind, object, 'info', 'IST0135', `metadata.annotations.${name}`, 'Istio gives it up.', fix)];
  });
}

function ineffective(object: PeerAuthentication, { config }: Snapshot): Problem[] {
  if (object.metadata?.namespace !== config.rootNamespace || !Object.keys(object.spec?.selector?.matchLabels ?? {}).length) return [];
  const message = `in ${config.rootNamespace} it holds for the whole mesh or for nothing: with a selector it is not read.`;
  const fix = 'Move it to the namespace of the workloads, or take the selector off.';
  return [problem('PeerAuthentication', object, 'warning', 'IST0167', 'spec.selector', message, fix)];
}

interface Selecting extends KubeObject {
  readonly spec?: { readonly selector?: { readonly matchLabels?: Record<string, string> } };
}

function unmatched(kind: string, object: Selecting, { pods, config }: Snapshot): Problem[] {
  const labels = object.spec?.selector?.matchLabels;
  if (!labels || !Object.keys(labels).length) return [];
  const { namespace } = object.metadata ?? {};
  const everywhere = namespace === config.rootNamespace && kind !== 'PeerAuthentication';
  if ([...pods.values()].some((p) => (everywhere || p.metadata?.namespace === namespace) && selects(labels, p.metadata?.labels ?? {})))
    return [];
  const text = Object.entries(labels).map(([k, v]) => `${k}=${v}`);
  const message = `no pod ${everywhere ? 'of the mesh' : `of namespace ${namespace}`} has the labels ${text.join(', ')}: it holds for nothing.`;
  return [problem(kind, object, 'warning', 'IST0127', 'spec.selector.matchLabels', message, 'Correct the labels, or the namespace.')];
}

function unverified(rule: DestinationRule): Problem[] {
  const policies: [string, TrafficPolicy | undefined][] = [
    ['spec.trafficPolicy', rule.spec.trafficPolicy],
    ...(rule.spec.subsets ?? []).map((s, i): [string, TrafficPolicy | undefined] => [`spec.subsets[${i}].trafficPolicy`, s.trafficPolicy]),
  ];
  const settings = policies.flatMap(([path, p]): { path: string; tls: TrafficPolicy['tls']; port: boolean }[] => [
    { path: `${path}.tls`, tls: p?.tls, port: false },
    ...(p?.portLevelSettings ?? []).map((s, i) => ({ path: `${path}.portLevelSettings[${i}].tls`, tls: s.tls, port: true })),
  ]);
  return settings.flatMap(({ path, tls, port }): Problem[] => {
    if (!tls || !['SIMPLE', 'MUTUAL'].includes(tls.mode ?? '') || tls.caCertificates || tls.insecureSkipVerify) return [];
    const message = `it says ${tls.mode} and names no authority, so the server's certificate is held to those of this machine.`;
    return [
      problem(
        'DestinationRule',
        rule,
        'warning',
        port ? 'IST0129' : 'IST0128',
        path,
        message,
        'Set caCertificates, or insecureSkipVerify if that is meant.',
      ),
    ];
  });
}

function withoutAddresses(entry: ServiceEntry): Problem[] {
  if (entry.spec?.addresses?.length || (entry.spec?.resolution !== undefined && entry.spec.resolution !== 'NONE')) return [];
  return (entry.spec?.ports ?? []).flatMap((port, i): Problem[] => {
    if (!/^(tcp|mongo|redis|mysql)$/i.test(port.protocol ?? '')) return [];
    const message = `port ${port.number} carries bytes, and without an address nothing tells them from those for others.`;
    return [problem('ServiceEntry', entry, 'warning', 'IST0134', `spec.ports[${i}]`, message, 'Set spec.addresses.')];
  });
}
