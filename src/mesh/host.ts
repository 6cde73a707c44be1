/** The host as a full name: a name without a dot means a service in `namespace`, the namespace of the object that says it. */
export function fullHost(host: string, namespace: string, domain: string): string {
  const lower = host.toLowerCase();
  return lower.includes('.') || lower === '*' || lower === '' ? lower : `${lower}.${namespace}.svc.${domain}`;
}

/** Whether every name that `inner` stands for is also one of `outer`; both may begin with `*`. */
export function covers(outer: string, inner: string): boolean {
  if (outer === '*' || outer === inner) return true;
  return outer.startsWith('*') && inner.length > outer.length - 1 && inner.endsWith(outer.slice(1));
}

/** What two hosts have in common: the narrower one, or undefined when they have nothing. */
export function intersect(a: string, b: string): string | undefined {
  return covers(a, b) ? b : covers(b, a) ? a : undefined;
}

/** Sorts the most specific host first: exact ones, then wildcards by length. */
export function bySpecificity(a: string, b: string): number {
  const wild = Number(a.startsWith('*')) - Number(b.startsWith('*'));
  return wild || b.length - a.length || (a < b ? -1 : a > b ? 1 : 0);
}

/** The value for the most specific key that covers `host`. */
export function lookupHost<T>(byHost: { get(host: string): T | undefined }, host: string): T | undefined {
  const exact = byHost.get(host);
  if (exact !== undefined) return exact;
  // `*.b.c`, `*.c`, ..., `*`;
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
    const wild = byHost.get(`*${host.slice(dot)}`);
    if (wild !== undefined) return wild;
  }
  return byHost.get('*');
}

/** Whether an object with this `exportTo` may be seen from `namespace`; absent or empty means everywhere. */
export function visible(exportTo: readonly string[] | undefined, own: string, namespace: string): boolean {
  if (!exportTo?.length) return true;
  return exportTo.some((to) => to === '*' || to === namespace || (to === '.' && own === namespace));
}
