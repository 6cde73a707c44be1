import { ApiError, type KindDef, type Served, type StatusCause, type StatusDetails } from '../api/index.ts';
import { StoreError } from '../store/index.ts';

/** `deployments.apps`, as messages name a kind. */
export function qualified({ resource }: KindDef): string {
  return resource.group ? `${resource.plural}.${resource.group}` : resource.plural;
}

function details({ resource }: KindDef, name: string, more: StatusDetails = {}): StatusDetails {
  return { ...(name ? { name } : {}), ...(resource.group ? { group: resource.group } : {}), kind: resource.plural, ...more };
}

export function notFound(def: KindDef, name: string): ApiError {
  return new ApiError('NotFound', `${qualified(def)} "${name}" not found`, details(def, name));
}

export function alreadyExists(def: KindDef, name: string): ApiError {
  return new ApiError('AlreadyExists', `${qualified(def)} "${name}" already exists`, details(def, name));
}

export function conflict(def: KindDef, name: string, why: string, causes?: StatusCause[]): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(def)} "${name}": ${why}`;
  return new ApiError('Conflict', message, details(def, name, causes ? { causes } : {}));
}

export const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again';

export function forbidden(def: KindDef, name: string, why: string, causes?: StatusCause[]): ApiError {
  return new ApiError('Forbidden', `${qualified(def)} "${name}" is forbidden: ${why}`, details(def, name, causes ? { causes } : {}));
}

export function invalid({ resource }: KindDef, name: string, causes: StatusCause[]): ApiError {
  const kind = resource.group ? `${resource.kind}.${resource.group}` : resource.kind;
  const lines = causes.map((cause) => (cause.field ? `${cause.field}: ${cause.message}` : `${cause.message}`));
  const list = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  return new ApiError('Invalid', `${kind} "${name}" is invalid: ${list}`, {
    ...(name ? { name } : {}),
    ...(resource.group ? { group: resource.group } : {}),
    kind: resource.kind,
    causes,
  });
}

/** What a decoder of Kubernetes says of a body that it cannot read. */
export function undecodable({ def, version }: Served, why: string): ApiError {
  const { kind } = def.resource;
  return new ApiError('BadRequest', `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${why}`);
}

export function expired(message: string): ApiError {
  return new ApiError('Expired', message);
}

/** The revision of a list in pages is forgotten; what is left can be read with another token, as it is by then. */
export function tokenExpired(instead: string): ApiError {
  return new ApiError(
    'Expired',
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    undefined,
    { continue: instead },
  );
}

/** A revision that has not happened: of another server's history, or of a lost one. */
export function tooLarge(asked: number, current: number): ApiError {
  return new ApiError('Timeout', `Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

/** What the store refuses, whatever the verb, in the API's words; other errors as they are. */
export function storeRefusal(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  if (error.code === 'large') return new ApiError('RequestEntityTooLarge', `the object is too large: ${error.message}`);
  if (error.code === 'closed') return new ApiError('ServiceUnavailable', 'the server is shutting down');
  return error;
}
