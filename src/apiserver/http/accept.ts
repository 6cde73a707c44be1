/** In what form an answer is wanted. */
export type Representation = 'json' | 'yaml' | 'table' | 'metadata' | 'metadata-list';

export interface MediaType {
  /** `application/json`, in lower case. */
  readonly type: string;
  readonly params: Readonly<Record<string, string>>;
}

/** The media types of an Accept header, in its order; parameter names in lower case. */
export function parseAccept(header: string | undefined): MediaType[] {
  return (header ?? '*/*')
    .split(',')
    .map((part) => {
      const [type, ...params] = part.split(';').map((s) => s.trim());
      const pairs = params.flatMap((p) =>
        p.includes('=') ? [[p.slice(0, p.indexOf('=')).toLowerCase(), p.slice(p.indexOf('=') + 1)] as const] : [],
      );
      return { type: type!.toLowerCase(), params: Object.fromEntries(pairs) };
    })
    .filter((m) => m.type !== '');
}

/** The first form a client accepts of those there are; undefined: none. */
export function negotiate(header: string | undefined): Representation | undefined {
  for (const { type, params } of parseAccept(header)) {
    const form = params['as'];
    if (form !== undefined) {
      if (params['g'] !== 'meta.k8s.io' || params['v'] !== 'v1' || !isJson(type)) continue;
      if (form === 'Table') return 'table';
      if (form === 'PartialObjectMetadata') return 'metadata';
      if (form === 'PartialObjectMetadataList') return 'metadata-list';
    } else if (isJson(type)) return 'json';
    else if (type === 'application/yaml') return 'yaml';
  }
  return undefined;
}

function isJson(type: string): boolean {
  return type === 'application/json' || type === 'application/*' || type === '*/*';
}
