import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { messageOf, programsOnPath, silentLog } from '../../base/index.ts';
import type { NodeCheck, NodeSandbox } from '../net/types.ts';
import { netnsDir, startNode, stopNode } from './node.edge.ts';
import { checkPrograms, checkUserNamespaces } from './requirements.ts';

const PROGRAMS = ['unshare', 'nsenter', 'mount', 'sh'];
const PROBE = fileURLToPath(new URL('./probe.edge.ts', import.meta.url));

/**
 * What a node needs of this machine, each tried for real in a node that is gone when this resolves (about 0.4 s).
 * Never rejects.
 */
export async function checkNode(): Promise<NodeCheck[]> {
  const checks = [
    checkPrograms(PROGRAMS.filter((p) => programsOnPath(p, process.env['PATH']).length === 0)),
    checkUserNamespaces(readSwitches(), process.getuid?.() === 0),
  ];
  if (checks.some((c) => !c.ok)) return checks;
  const runDir = mkdtempSync(join(tmpdir(), 'sluice-check-'));
  try {
    const node = await startNode({ runDir, log: silentLog });
    checks.push({ name: 'namespaces', ok: true, found: 'mount, network and PID namespaces with their own /proc', fix: '' });
    checks.push(...(await probe(node, runDir)));
  } catch (e) {
    const fix =
      'In a container, run it with --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined.';
    checks.push({ name: 'namespaces', ok: false, found: messageOf(e), fix });
  } finally {
    await stopNode(runDir).catch(() => {});
    rmSync(runDir, { recursive: true, force: true });
  }
  return checks;
}

async function probe(node: NodeSandbox, runDir: string): Promise<NodeCheck[]> {
  const child = node.enter(process.execPath, [PROBE, netnsDir(runDir)], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  let said: { links: string; firewall: string };
  try {
    said = JSON.parse(out) as typeof said;
  } catch {
    said = { links: err.trim().slice(-300) || 'the probe did not run', firewall: 'not tried' };
  }
  const modules = (names: string): string => `Load what the kernel lacks: sudo modprobe -a ${names}`;
  return [
    {
      name: 'pod links',
      ok: said.links === '',
      found: said.links || 'veth pairs, addresses and routes',
      fix: said.links && modules('veth'),
    },
    {
      name: 'firewall',
      ok: said.firewall === '',
      found: said.firewall || 'nf_tables with redirect, DNAT and maps',
      fix: said.firewall && modules('nf_tables nft_chain_nat nft_redir nft_numgen nft_reject_ipv4'),
    },
  ];
}

function readSwitches(): Parameters<typeof checkUserNamespaces>[0] {
  const read = (path: string): string | undefined => {
    try {
      return readFileSync(`/proc/sys/${path}`, 'utf8').trim();
    } catch {
      return undefined;
    }
  };
  return {
    maxUserNamespaces: read('user/max_user_namespaces'),
    unprivilegedClone: read('kernel/unprivileged_userns_clone'),
    appArmorRestricts: read('kernel/apparmor_restrict_unprivileged_userns'),
  };
}
