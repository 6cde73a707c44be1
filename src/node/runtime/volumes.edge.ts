import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readlinkSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Fault, sha256Hex } from '../../base/index.ts';
import type { VolumePlan } from '../plan/types.ts';

/**
 * Makes or refreshes a volume below `dir` and returns the path to bind. Files change all at once: they live in a directory
 * named by their content, and `..data` points to the current one, as the kubelet does it.
 */
export function materialize(dir: string, volume: VolumePlan): string {
  const path = join(dir, volume.name);
  switch (volume.kind) {
    case 'host':
      return hostPath(volume.path, volume.type);
    case 'empty':
      emptyDirectory(path, volume.memory, volume.sizeBytes);
      return path;
    case 'files':
      writeFiles(path, volume.files);
      return path;
  }
}

function hostPath(path: string, type: string): string {
  if (type === 'DirectoryOrCreate') mkdirSync(path, { recursive: true });
  if (!existsSync(path))
    throw new Fault('HostPathMissing', `hostPath ${path} does not exist on this machine`, {
      hint: 'Create it, or use type DirectoryOrCreate.',
    });
  return path;
}

function emptyDirectory(path: string, memory: boolean, sizeBytes: number | undefined): void {
  if (existsSync(path)) return;
  mkdirSync(path, { recursive: true, mode: 0o777 });
  chmodSync(path, 0o777);
  if (!memory) return;
  const size = sizeBytes === undefined ? '' : `,size=${Math.ceil(sizeBytes)}`;
  spawnSync('mount', ['-t', 'tmpfs', '-o', `mode=777,nosuid,nodev${size}`, 'sluice', path]);
}

/** Undoes the mount of an `emptyDir` in memory, when `path` is one. */
export function unmountVolume(path: string): void {
  if (statSync(path).dev !== statSync(dirname(path)).dev) spawnSync('umount', ['-l', path]);
}

function writeFiles(path: string, files: Extract<VolumePlan, { kind: 'files' }>['files']): void {
  const names = Object.keys(files).sort();
  const digest = sha256Hex(names.map((n) => `${n}\0${files[n]!.mode}\0${sha256Hex(files[n]!.content)}`).join('\0'), 16);
  const current = `..${digest}`;
  const link = join(path, '..data');
  const before = existsSync(link) ? readlinkSync(link) : undefined;
  if (before === current) return;
  mkdirSync(path, { recursive: true, mode: 0o755 });
  rmSync(join(path, current), { recursive: true, force: true });
  mkdirSync(join(path, current), { mode: 0o755 });
  for (const name of names) {
    const file = join(path, current, name);
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    writeFileSync(file, files[name]!.content);
    chmodSync(file, files[name]!.mode);
  }
  symlinkSync(current, `${link}.new`);
  renameSync(`${link}.new`, link);
  const roots = new Set(names.map((n) => n.split('/')[0]!));
  for (const root of roots) if (!hasEntry(path, root)) symlinkSync(join('..data', root), join(path, root));
  for (const entry of readdirSync(path)) if (!entry.startsWith('..') && !roots.has(entry)) rmSync(join(path, entry));
  if (before) rmSync(join(path, before), { recursive: true, force: true });
}

const hasEntry = (dir: string, name: string): boolean => readdirSync(dir).includes(name);
