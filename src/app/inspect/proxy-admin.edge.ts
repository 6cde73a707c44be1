/** The proxies of an instance, at their admin sockets. */
import type { Pod } from 'kubernetes-types/core/v1.js';
import { ApiError, isApiError, Pods } from '../../api/index.ts';
import { Fault, messageOf } from '../../base/index.ts';
import { workloadName } from '../../mesh/index.ts';
import { askAdmin } from '../node/admin-socket.edge.ts';
import { clientOf } from '../instance/instance.edge.ts';
import type { InstancePaths } from '../instance/paths.ts';

const TIMEOUT_MS = 20_000;

/** Asks a pod's proxy; throws a `Fault` when it does not answer. */
export async function askProxy(paths: InstancePaths, pod: Pod, path: string, method: 'GET' | 'POST' = 'GET'): Promise<string> {
  try {
    return await askAdmin(paths.proxyDir, pod.metadata?.uid ?? '', { path, method, timeoutMs: TIMEOUT_MS });
  } catch (error) {
    const name = `${pod.metadata?.namespace}/${pod.metadata?.name}`;
    throw new Fault('ProxySilent', `the proxy of ${name} does not answer: ${messageOf(error)}`, {
      hint: `See "sluice kubectl logs -c istio-proxy".`,
    });
  }
}

/** The words for the gateway that every mesh starts with. */
const INGRESS = { name: 'istio-ingressgateway', namespace: 'istio-system' };

/**
 * The pod that a person means: `ingress`, a pod's name, `name.namespace`, `deploy/name`, or the name of a Deployment or of an `app`
 * label; a ready one where there are several. Throws a `Fault` that names what there is.
 */
export async function podNamed(paths: InstancePaths, said: string, namespace: string): Promise<Pod> {
  const ingress = said === 'ingress';
  const pods = (await reach(paths, (client) => client.list(Pods))).items;
  const [kind, rest] = said.includes('/') ? (said.split('/', 2) as [string, string]) : ['', said];
  const name = ingress ? INGRESS.name : rest;
  const within = ingress ? INGRESS.namespace : namespace;
  const here = pods.filter((p) => p.metadata?.namespace === within);
  const [podName, podNamespace] = said.split('.', 2);
  const exact =
    here.find((p) => p.metadata?.name === name) ?? pods.find((p) => p.metadata?.name === podName && p.metadata?.namespace === podNamespace);
  if (exact && !kind.startsWith('deploy')) return exact;
  const of = here.filter((p) => workloadName(p) === name || p.metadata?.labels?.['app'] === name);
  const found = of.find((p) => p.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')) ?? of[0];
  if (found) return found;
  const names = [...new Set(here.map((p) => workloadName(p)))].slice(0, 12);
  throw new Fault('PodUnknown', `there is no pod, Deployment or app "${said}" in namespace ${within}`, {
    hint: names.length
      ? `There are: ${names.join(', ')}. Another namespace: -n NAMESPACE.`
      : `The namespace has no pods. Another one: -n NAMESPACE.`,
  });
}

/** Runs a question to the API; an instance that is not up is said as such. */
export async function reach<T>(paths: InstancePaths, ask: (client: ReturnType<typeof clientOf>) => Promise<T>): Promise<T> {
  try {
    return await ask(clientOf(paths));
  } catch (error) {
    if (!(error instanceof ApiError) || !isApiError(error, 'ServiceUnavailable')) throw error;
    throw new Fault('NotUp', `instance "${paths.name}" does not answer: ${error.message}`, {
      hint: 'Start it with "sluice up".',
      cause: error,
    });
  }
}
