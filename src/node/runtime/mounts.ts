/** A line of /proc/self/mountinfo (proc(5)): where, and the flags of that mount. */
export interface Mount {
  readonly path: string;
  readonly flags: readonly string[];
}

/** The mounts of a namespace, in the order they were made. */
export function parseMountinfo(text: string): Mount[] {
  const out: Mount[] = [];
  for (const line of text.split('\n')) {
    const fields = line.split(' ');
    const [path, flags] = [fields[4], fields[5]];
    if (path === undefined || flags === undefined) continue;
    out.push({
      path: path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
      flags: flags.split(','),
    });
  }
  return out;
}

/** Flags that an ordinary user's remount may not take away. */
const LOCKED = new Set(['nosuid', 'nodev', 'noexec']);

/** What a read-only remount of a bind of `path` must repeat. */
export function lockedFlags(mounts: readonly Mount[], path: string): string[] {
  let best: Mount | undefined;
  for (const m of mounts) if (isUnder(path, m.path) && (!best || m.path.length >= best.path.length)) best = m;
  return (best?.flags ?? []).filter((f) => LOCKED.has(f));
}

/** The path without the links that lead to it: `/run/secrets` for `/var/run/secrets`. `links` are absolute, and do not lead to each other. */
export function withoutLinks(path: string, links: readonly (readonly [path: string, target: string])[]): string {
  const link = links.find(([from]) => isUnder(path, from));
  return link ? link[1] + path.slice(link[0].length) : path;
}

/** Mount points below `path`. */
export function mountsBelow(mounts: readonly Mount[], path: string): string[] {
  return [...new Set(mounts.map((m) => m.path))].filter((p) => p !== path && isUnder(p, path));
}

function isUnder(path: string, parent: string): boolean {
  return path === parent || path.startsWith(parent === '/' ? '/' : `${parent}/`);
}
