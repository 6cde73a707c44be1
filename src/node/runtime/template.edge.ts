import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Fault } from '../../base/index.ts';
import { lockedFlags, mountsBelow, parseMountinfo } from './mounts.ts';
import { templateMounts, templateScript, type HostLayout, type RootPaths } from './scripts.ts';

/** What programs need of a machine; `/nix/store` and `/gnu/store` hold them on some. */
const PROGRAM_DIRECTORIES = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/nix/store', '/gnu/store'];
/** What of /etc programs read and holds nobody's secrets. */
const ETC = [
  '/etc/ssl/certs',
  '/etc/ssl/openssl.cnf',
  '/etc/pki/tls/certs',
  '/etc/pki/ca-trust/extracted',
  '/etc/ca-certificates/extracted',
  '/etc/alternatives',
  '/etc/ld.so.cache',
  '/etc/localtime',
  '/etc/services',
  '/etc/protocols',
  '/etc/mime.types',
];
const DEVICES = ['/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom', '/dev/tty'];

export interface Template {
  readonly paths: RootPaths;
  /** What each container binds from it. */
  readonly mounts: readonly string[];
  /** Links of its directories, absolute: nothing can be put together behind them. */
  readonly links: readonly (readonly [path: string, target: string])[];
}

/**
 * The template of container roots under `runDir`; made when the node has none yet. It lives in the node's mount namespace,
 * so it goes with the node and never shows on the host.
 */
export function prepareTemplate(runDir: string): Template {
  const paths = { template: join(runDir, 'template'), mountPoint: join(runDir, 'root') };
  mkdirSync(paths.mountPoint, { recursive: true, mode: 0o700 });
  const layout = hostLayout();
  if (!existsSync(join(paths.template, 'complete'))) {
    const made = spawnSync('sh', ['-c', templateScript(paths.template, layout, process.execPath)], { encoding: 'utf8' });
    if (made.status !== 0) {
      throw new Fault(
        'TemplateNotMade',
        `the read-only view of this machine for containers could not be made: ${(made.stderr || String(made.error)).trim()}`,
        {
          hint: 'Run "sluice doctor" to see what this machine allows.',
        },
      );
    }
  }
  const links = [['/var/run', '/run'] as const, ...layout.links.map(([path, target]) => [path, resolve('/', target)] as const)];
  return { paths, mounts: templateMounts(layout), links };
}

function hostLayout(): HostLayout {
  const mounts = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'));
  const present = PROGRAM_DIRECTORIES.filter((d) => existsSync(d));
  const isLink = (path: string): boolean => lstatSync(path).isSymbolicLink();
  return {
    directories: present.filter((d) => !isLink(d)),
    etc: ETC.filter((e) => existsSync(e)),
    links: present.filter(isLink).map((l) => [l, readlinkSync(l)] as const),
    devices: DEVICES.filter((d) => existsSync(d)),
    flags: (path) => lockedFlags(mounts, path),
    below: (path) => mountsBelow(mounts, path),
  };
}
