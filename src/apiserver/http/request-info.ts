/** What a URL path asks for. */
export type RequestInfo =
  | {
      readonly type: 'resource';
      readonly group: string;
      readonly version: string;
      /** The plural in the URL. */
      readonly plural: string;
      readonly namespace: string | undefined;
      /** Absent for a collection. */
      readonly name: string | undefined;
      readonly subresource: string | undefined;
    }
  /** `/api`, `/apis`, `/api/v1`, `/apis/apps`, `/apis/apps/v1`. */
  | { readonly type: 'discovery'; readonly legacy: boolean; readonly group: string | undefined; readonly version: string | undefined }
  | { readonly type: 'other'; readonly path: string };

/** Subresources of a namespace itself; anything else after a namespace's name is a collection in it. */
const NAMESPACE_SUBRESOURCES: ReadonlySet<string> = new Set(['status', 'finalize']);

/** Reads a path; undefined when a part of it is not validly escaped. */
export function parsePath(path: string): RequestInfo | undefined {
  let parts: string[];
  try {
    parts = path
      .split('/')
      .filter((p) => p !== '')
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
  const [root, ...rest] = parts;
  if (root !== 'api' && root !== 'apis') return { type: 'other', path };
  const legacy = root === 'api';
  const group = legacy ? '' : rest.shift();
  const version = rest.shift();
  if (rest.length === 0 || group === undefined || version === undefined)
    return { type: 'discovery', legacy, group: legacy ? undefined : group, version };

  let namespace: string | undefined;
  if (rest[0] === 'namespaces' && rest.length > 2 && !NAMESPACE_SUBRESOURCES.has(rest[2]!)) {
    namespace = rest[1];
    rest.splice(0, 2);
  }
  const [plural, name, subresource] = rest;
  return { type: 'resource', group, version, plural: plural!, namespace, name, subresource };
}
