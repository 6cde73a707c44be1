import type { Action } from '../auth/authorizer.ts';
import { flag } from './query.ts';
import type { RequestInfo } from './request-info.ts';

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
  GET: 'get',
  HEAD: 'get',
};

/** What a request is about to do, as it is allowed or not. */
export function actionOf(method: string, info: RequestInfo, url: URL): Action {
  if (info.type !== 'resource') return { type: 'path', verb: method.toLowerCase(), path: url.pathname };
  const { group, plural, namespace, subresource = '', name = namedBy(url) } = info;
  let verb = VERBS[method] ?? method.toLowerCase();
  if (info.name === undefined && verb === 'get') verb = isWatched(url) ? 'watch' : 'list';
  if (info.name === undefined && verb === 'delete') verb = 'deletecollection';
  // A namespace is in itself: whoever may read all in it may read it, too.
  const home = namespace ?? (group === '' && plural === 'namespaces' ? info.name : undefined) ?? '';
  return { type: 'resource', verb, group, resource: plural, subresource, namespace: home, name };
}

function isWatched(url: URL): boolean {
  try {
    return flag(url.searchParams, 'watch') ?? false;
  } catch {
    // It is refused later on, with a reason.
    return false;
  }
}

/** The one object that a collection is narrowed to, so that a right to that object is enough. */
function namedBy({ searchParams }: URL): string {
  const selector = searchParams.get('fieldSelector');
  if (!selector) return '';
  const [, name] = /(?:^|,)metadata\.name==?([^,=]+)(?:,|$)/.exec(selector) ?? [];
  return name ?? '';
}
