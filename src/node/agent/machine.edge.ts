import { readFileSync, statfsSync } from 'node:fs';
import { arch, availableParallelism, release, totalmem } from 'node:os';
import { sha256Hex } from '../../base/index.ts';
import { NODE_ADDRESS } from '../net/addresses.ts';
import type { MachineFacts } from './node-object.ts';

/** What this machine is; `disk` is a path on the file system that pods write to. */
export function machineFacts(name: string, disk: string): MachineFacts {
  const { blocks, bsize } = statfsSync(disk);
  const id = text('/etc/machine-id') || sha256Hex(text('/proc/sys/kernel/random/boot_id'), 32);
  return {
    name,
    address: NODE_ADDRESS,
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    diskBytes: blocks * bsize,
    machineId: id,
    bootId: text('/proc/sys/kernel/random/boot_id'),
    kernel: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(text('/etc/os-release'))?.[1] ?? 'Linux',
    architecture: arch() === 'x64' ? 'amd64' : arch(),
  };
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
