import type { Container, EnvVar, Pod } from 'kubernetes-types/core/v1.js';
import { NO_SETTINGS, proxySettings, settingsEnv, type ProxySources } from './proxy-settings.ts';
import { canonicalName, canonicalRevision, PROXY_CONTAINER, workloadName } from './workload.ts';

export interface InjectionConfig {
  readonly image: string;
  /** The revision that `istio.io/rev` asks for. */
  readonly revision: string;
  /** What proxies are started with. */
  readonly proxies: ProxySources;
}

export const defaultInjection: InjectionConfig = {
  image: 'sluice/proxyv2:1.40.0',
  revision: 'default',
  proxies: { rootNamespace: 'istio-system', defaults: NO_SETTINGS, configs: [] },
};

const STATUS = 'sidecar.istio.io/status';

function fieldEnv(name: string, fieldPath: string): EnvVar {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}

/** The container that runs Envoy; `role` is what it does: `sidecar`, or `router` for a gateway. */
export function proxyContainer(role: 'sidecar' | 'router', image: string, annotations: Readonly<Record<string, string>> = {}): Container {
  return {
    name: PROXY_CONTAINER,
    image,
    args: ['proxy', role],
    env: [
      fieldEnv('POD_NAME', 'metadata.name'),
      fieldEnv('POD_NAMESPACE', 'metadata.namespace'),
      fieldEnv('INSTANCE_IP', 'status.podIP'),
      fieldEnv('SERVICE_ACCOUNT', 'spec.serviceAccountName'),
    ],
    ports: [{ name: 'http-envoy-prom', containerPort: 15090, protocol: 'TCP' }],
    readinessProbe: {
      httpGet: { path: '/healthz/ready', port: 15021 },
      initialDelaySeconds: 0,
      periodSeconds: 1,
      timeoutSeconds: 3,
      failureThreshold: 30,
    },
    resources: resourcesOf(annotations),
  };
}

/** What the proxy asks for and may use, where the pod says so. */
function resourcesOf(annotations: Readonly<Record<string, string>>): NonNullable<Container['resources']> {
  const said = (key: string, name: string): Record<string, string> => {
    const quantity = annotations[`sidecar.istio.io/${name}`];
    return quantity ? { [key]: quantity } : {};
  };
  const limits = { ...said('cpu', 'proxyCPULimit'), ...said('memory', 'proxyMemoryLimit') };
  return {
    requests: { cpu: '10m', memory: '40Mi', ...said('cpu', 'proxyCPU'), ...said('memory', 'proxyMemory') },
    ...(Object.keys(limits).length ? { limits } : {}),
  };
}

/**
 * Whether a pod is to get a sidecar. The pod's own word (label, then annotation) beats its namespace's; a pod on the host's
 * network has no traffic of its own to take.
 */
export function wantsSidecar(pod: Pod, namespaceLabels: Readonly<Record<string, string>>, config: InjectionConfig): boolean {
  if (pod.spec?.hostNetwork) return false;
  const labels = pod.metadata?.labels ?? {};
  const said = labels['sidecar.istio.io/inject'] ?? pod.metadata?.annotations?.['sidecar.istio.io/inject'];
  const namespace = namespaceLabels['istio-injection'];
  if (namespace === 'disabled' || said === 'false' || said === 'no') return false;
  if (said === 'true' || said === 'yes') return true;
  return (
    namespace === 'enabled' || (namespace === undefined && (labels['istio.io/rev'] ?? namespaceLabels['istio.io/rev']) === config.revision)
  );
}

/** The pod with a sidecar where it wants one; the same pod where it wants none or has one. */
export function injectSidecar(
  pod: Pod,
  namespaceLabels: Readonly<Record<string, string>>,
  config: InjectionConfig = defaultInjection,
): Pod {
  const present = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].some((c) => c.name === PROXY_CONTAINER);
  if (present || pod.metadata?.annotations?.[STATUS] || !pod.spec || !wantsSidecar(pod, namespaceLabels, config)) return pod;
  const labels = pod.metadata?.labels ?? {};
  const container = proxyContainer('sidecar', config.image, pod.metadata?.annotations);
  const settings = proxySettings(pod, pod.metadata?.namespace ?? 'default', config.proxies);
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: {
        ...labels,
        'security.istio.io/tlsMode': labels['security.istio.io/tlsMode'] ?? 'istio',
        'service.istio.io/canonical-name': canonicalName(labels, workloadName(pod)),
        'service.istio.io/canonical-revision': canonicalRevision(labels),
      },
      annotations: {
        ...pod.metadata?.annotations,
        [STATUS]: JSON.stringify({ containers: [PROXY_CONTAINER], revision: config.revision }),
      },
    },
    // Last, so that commands which take the first container by default still mean the application.
    spec: {
      ...pod.spec,
      containers: [...pod.spec.containers, { ...container, env: [...settingsEnv(settings), ...(container.env ?? [])] }],
    },
  };
}
