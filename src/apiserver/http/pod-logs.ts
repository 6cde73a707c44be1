import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { ApiError } from '../../api/index.ts';
import type { Target } from '../registry.ts';
import type { Api, Call } from './call.ts';
import { count, flag, text } from './query.ts';

/** Answers `pods/log`: the text as the node gives it, as long as it gives some. */
export async function serveLogs(api: Api, call: Call, target: Target): Promise<void> {
  const q = call.url.searchParams;
  const { pod, namespace, name } = await podOf(api, target);
  const container = containerOf(pod, text(q, 'container'));
  const logs = await api.kubelet.logs(namespace, name, {
    container,
    follow: flag(q, 'follow'),
    previous: flag(q, 'previous'),
    timestamps: flag(q, 'timestamps'),
    tailLines: count(q, 'tailLines'),
    sinceSeconds: count(q, 'sinceSeconds'),
    sinceTime: text(q, 'sinceTime'),
    limitBytes: count(q, 'limitBytes'),
  });
  await sendText(api, call, logs);
}

/** Hands on text as it comes, until either end goes away or the server stops. */
export async function sendText(api: Pick<Api, 'stopping'>, { res }: Call, source: Readable): Promise<void> {
  const stop = (): void => void source.destroy();
  api.stopping.addEventListener('abort', stop, { once: true });
  res.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' });
  res.flushHeaders();
  try {
    await pipeline(source, res);
  } catch {
    // Either end went away in the middle; the answer has begun, so there is nothing to say.
    res.destroy();
  } finally {
    api.stopping.removeEventListener('abort', stop);
  }
}

/** The pod a request is about; NotFound when there is none. */
export async function podOf(api: Api, target: Target): Promise<{ pod: Pod; namespace: string; name: string }> {
  const { object } = await api.registry.get({ ...target, subresource: undefined });
  return { pod: object as unknown as Pod, namespace: target.namespace ?? '', name: target.name ?? '' };
}

/** The container that is meant: the one named, else the only one, else the pod's default. */
export function containerOf(pod: Pod, asked: string | undefined): string {
  const name = pod.metadata?.name ?? '';
  const main = (pod.spec?.containers ?? []).map((c) => c.name);
  const init = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.ephemeralContainers ?? [])].map((c) => c.name);
  if (asked !== undefined) {
    if (main.includes(asked) || init.includes(asked)) return asked;
    throw new ApiError('BadRequest', `container ${asked} is not valid for pod ${name}`);
  }
  const preferred = pod.metadata?.annotations?.['kubectl.kubernetes.io/default-container'];
  const chosen = main.length === 1 ? main[0] : main.find((c) => c === preferred);
  if (chosen !== undefined) return chosen;
  const rest = init.length > 0 ? ` or one of the init containers: [${init.join(' ')}]` : '';
  throw new ApiError('BadRequest', `a container name must be specified for pod ${name}, choose one of: [${main.join(' ')}]${rest}`);
}
