import { ApiError } from '../../api/index.ts';
import type { User } from '../registry.ts';
import type { Action, Authorizer } from './authorizer.ts';

/** Throws Forbidden, in the words that clients know, unless the user may. */
export function demand(authorizer: Authorizer, user: User, action: Action): void {
  const { allowed, reason } = authorizer.authorize(user, action);
  if (allowed) return;
  const why = sentence(user, action) + (reason ? `: ${reason}` : '');
  if (action.type === 'path') throw new ApiError('Forbidden', `forbidden: ${why}`, {});
  const { group, resource, name } = action;
  const what = (group ? `${resource}.${group}` : resource) + (name ? ` ${JSON.stringify(name)}` : '');
  throw new ApiError('Forbidden', `${what} is forbidden: ${why}`, {
    ...(name ? { name } : {}),
    ...(group ? { group } : {}),
    kind: resource,
  });
}

function sentence({ name }: User, action: Action): string {
  const who = `User ${JSON.stringify(name)} cannot ${action.verb}`;
  if (action.type === 'path') return `${who} path ${JSON.stringify(action.path)}`;
  const { group, resource, subresource, namespace } = action;
  const what = JSON.stringify(subresource ? `${resource}/${subresource}` : resource);
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope';
  return `${who} resource ${what} in API group ${JSON.stringify(group)} ${where}`;
}
