import { ApiError, Pods } from '../../api/index.ts';
import type { Target } from '../registry.ts';
import { methodNotAllowed, send, sendObject, type Api, type Call } from './call.ts';
import { sendText } from './pod-logs.ts';
import { count, flag } from './query.ts';

/** Answers `nodes/<name>/proxy/...` as far as a kubelet's own pages are known here: health, pods, logs of containers. */
export async function serveNode(api: Api, call: Call, target: Target, path: string): Promise<void> {
  const { req, url } = call;
  const name = target.name?.split(':')[0] ?? '';
  const { object: node } = await api.registry.get({ ...target, name, subresource: undefined });
  if (req.method !== 'GET' && req.method !== 'HEAD') throw methodNotAllowed();
  const [page, ...rest] = path
    .split('/')
    .filter((part) => part !== '')
    .map((part) => decodeURIComponent(part));
  switch (page) {
    case 'healthz': {
      if (!isReady(node)) throw new ApiError('ServiceUnavailable', `node "${name}" is not ready`);
      return send(call, 200, 'text/plain; charset=utf-8', 'ok');
    }
    case 'pods':
    case 'runningpods': {
      const { items } = await api.registry.client(target.user).list(Pods, { fieldSelector: `spec.nodeName=${name}` });
      return sendObject(call, 200, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items });
    }
    case 'containerLogs': {
      const [namespace, pod, container] = rest;
      if (!namespace || !pod || !container) throw new ApiError('BadRequest', 'the path is containerLogs/<namespace>/<pod>/<container>');
      const q = url.searchParams;
      const logs = await api.kubelet.logs(namespace, pod, { container, follow: flag(q, 'follow'), tailLines: count(q, 'tailLines') });
      return sendText(api, call, logs);
    }
    default:
      throw new ApiError('NotFound', `the node serves no ${path}: healthz, pods, runningpods and containerLogs are served`);
  }
}

function isReady(node: object): boolean {
  const conditions = (node as { status?: { conditions?: { type: string; status: string }[] } }).status?.conditions ?? [];
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}
