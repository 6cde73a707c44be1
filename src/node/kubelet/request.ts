import { ApiError } from '../../api/index.ts';
import type { Container, Pod } from '../objects.ts';

/** What a request to the node's API asks for. */
export type KubeletRequest =
  | { readonly verb: 'logs'; readonly namespace: string; readonly pod: string; readonly query: URLSearchParams }
  | { readonly verb: 'exec' | 'attach'; readonly namespace: string; readonly pod: string; readonly query: URLSearchParams }
  | { readonly verb: 'portforward'; readonly namespace: string; readonly pod: string; readonly port: number }
  | { readonly verb: 'metrics' };

/** Reads the target of a request. Throws `ApiError`. */
export function parseRequest(target: string): KubeletRequest {
  const url = new URL(target, 'http://node');
  const [verb = '', namespace = '', pod = '', port] = url.pathname.split('/').slice(1).map(decodeURIComponent);
  const query = url.searchParams;
  if (verb === 'metrics' && namespace === 'pods') return { verb: 'metrics' };
  if (verb === 'logs' || verb === 'exec' || verb === 'attach') return { verb, namespace, pod, query };
  if (verb === 'portforward') {
    const number = Number(port);
    if (!Number.isInteger(number) || number < 1 || number > 65535) throw new ApiError('BadRequest', `"${port}" is not a port`);
    return { verb, namespace, pod, port: number };
  }
  throw new ApiError('NotFound', `the node has no "${url.pathname}"`);
}

/** A number in a query, or undefined. Throws `ApiError` when it is none. */
export function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const n = Number(text);
  if (!Number.isFinite(n) || n < 0) throw new ApiError('BadRequest', `${name}: "${text}" is not a number of at least 0`);
  return n;
}

/** Where output begins, in milliseconds since the epoch. */
export function sinceOf(query: URLSearchParams, now: number): number | undefined {
  const seconds = numberOf(query, 'sinceSeconds');
  if (seconds !== undefined) return now - seconds * 1000;
  const time = query.get('sinceTime');
  if (time === null) return undefined;
  const at = Date.parse(time);
  if (Number.isNaN(at)) throw new ApiError('BadRequest', `sinceTime: "${time}" is not a time (RFC 3339)`);
  return at;
}

/** The container a request means: the one named, the pod's default, or its only one. Throws `ApiError`. */
export function containerOf(pod: Pod, named: string | null): string {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const all = [...containers, ...initContainers, ...ephemeralContainers].map((c) => c.name);
  const name = pod.metadata?.name;
  if (named) {
    if (!all.includes(named)) throw new ApiError('BadRequest', `container ${named} is not valid for pod ${name}`);
    return named;
  }
  const preferred = pod.metadata?.annotations?.['kubectl.kubernetes.io/default-container'];
  if (preferred && all.includes(preferred)) return preferred;
  if (containers.length === 1) return containers[0]!.name;
  throw new ApiError('BadRequest', `a container name must be specified for pod ${name}, choose one of: [${all.join(' ')}]`);
}

/** What the pod says of a container that {@link containerOf} has found. */
export function containerSpec(pod: Pod, name: string): Container {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? {};
  return [...containers, ...initContainers, ...(ephemeralContainers as Container[])].find((c) => c.name === name)!;
}
