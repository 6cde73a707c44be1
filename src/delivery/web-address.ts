/** Addresses on the web, and which proxy of the environment leads to them, as Go's `net/http` has it (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`). Pure. */

export type Environment = Readonly<Record<string, string | undefined>>;

export const isWebAddress = (text: string): boolean => /^https?:\/\//.test(text) && URL.canParse(text);

/** Undefined: none. Hosts of this machine never go by one. */
export function proxyFor(url: URL, env: Environment): string | undefined {
  const of = (name: string): string | undefined => env[name] || env[name.toLowerCase()] || undefined;
  const proxy = url.protocol === 'https:' ? of('HTTPS_PROXY') : of('HTTP_PROXY');
  if (!proxy || isLoopback(url.hostname)) return undefined;
  const spared = (of('NO_PROXY') ?? '').split(',').some((rule) => covers(rule.trim(), url));
  if (spared) return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}

/** `*`, `example.com` (and all below it), `.example.com` (only what is below it), each with a port or without. */
function covers(rule: string, url: URL): boolean {
  if (rule === '*') return true;
  const [, host = '', port] = /^(.*?)(?::(\d+))?$/.exec(rule.toLowerCase()) ?? [];
  if (!host || (port !== undefined && port !== (url.port || (url.protocol === 'https:' ? '443' : '80')))) return false;
  if (host.startsWith('.')) return url.hostname.endsWith(host);
  return url.hostname === host || url.hostname.endsWith(`.${host}`);
}
