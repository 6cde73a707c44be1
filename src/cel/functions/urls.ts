import { CelError } from '../error.ts';
import { Opaque, type CelMap } from '../value.ts';
import { declare, type Overload } from './declare.ts';

/** An absolute URL, or an absolute path, taken apart as Go's `url.ParseRequestURI` does. */
class Url extends Opaque {
  readonly type = 'kubernetes.URL';
  readonly text: string;
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;

  constructor(text: string) {
    super();
    const m = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?]*))?([^?]*)(?:\?(.*))?$/s.exec(text);
    // eslint-disable-next-line no-control-regex -- what no URL may hold
    if (!m || /[\x00-\x20\x7f]/.test(text)) throw invalid(text);
    const [, scheme = '', authority, path = '', query = ''] = m;
    if (!scheme && !path.startsWith('/')) throw invalid(text);
    if (!scheme && authority !== undefined) throw invalid(text);
    const host = (authority ?? '').replace(/^.*@/, '');
    if (/[[\]]/.test(host) ? !/^\[[0-9a-fA-F:.%]+\](:\d*)?$/.test(host) : !/^[^:<>"\\^`{|}]*(:\d*)?$/.test(host)) throw invalid(text);
    this.text = text;
    this.scheme = scheme.toLowerCase();
    this.host = host;
    this.path = path;
    this.query = query;
  }

  get hostname(): string {
    return this.host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
  }

  get port(): string {
    return /:(\d*)$/.exec(this.host)?.[1] ?? '';
  }

  equals(other: Opaque): boolean {
    return other instanceof Url && other.text === this.text;
  }
}

const invalid = (text: string): CelError =>
  new CelError(`URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`);

function isUrl(text: string): boolean {
  try {
    return Boolean(new Url(text));
  } catch {
    return false;
  }
}

function queryOf({ query }: Url): CelMap {
  const out = new Map<string, string[]>();
  for (const [key, value] of new URLSearchParams(query)) out.set(key, [...(out.get(key) ?? []), value]);
  return out;
}

export const urls: readonly Overload[] = [
  declare('url(string): kubernetes.URL', (text: string) => new Url(text)),
  declare('isURL(string): bool', isUrl),
  declare('kubernetes.URL.getScheme(): string', (u: Url) => u.scheme),
  declare('kubernetes.URL.getHost(): string', (u: Url) => u.host),
  declare('kubernetes.URL.getHostname(): string', (u: Url) => u.hostname),
  declare('kubernetes.URL.getPort(): string', (u: Url) => u.port),
  declare('kubernetes.URL.getEscapedPath(): string', (u: Url) => encodeURI(decodePath(u.path))),
  declare('kubernetes.URL.getQuery(): map<string, list<string>>', queryOf),
];

function decodePath(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    throw new CelError('invalid URL escape');
  }
}
