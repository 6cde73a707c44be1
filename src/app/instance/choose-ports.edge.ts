/** Which ports an instance listens on: those the user names, else those of the last run, else the usual ones or the next free. */
import { renameSync, writeFileSync } from 'node:fs';
import { DEFAULT_PORTS, PORTS, recordText, type InstanceConfig } from './config.ts';
import { processOf, readRecord } from './instance.edge.ts';
import type { InstancePaths } from './paths.ts';
import { choosePort, holderText, portHolder } from './ports.edge.ts';

/** Chooses, says what is not as it was, and writes it down. */
export async function choosePorts(
  paths: InstancePaths,
  named: Partial<InstanceConfig>,
  say: (text: string) => void,
): Promise<InstanceConfig> {
  const before = readRecord(paths)?.config;
  // The edge keeps its ports while the control plane is away: they are free for us, but not for bind().
  const kept = before && processOf(paths, 'edge/outside') ? new Set(['httpPort', 'httpsPort']) : new Set<string>();
  const taken = new Set<number>();
  const chosen: Partial<Record<keyof InstanceConfig, number>> = {};
  for (const { key, flag, what } of PORTS) {
    const wanted = named[key] ?? before?.[key] ?? DEFAULT_PORTS[key];
    const keeps = kept.has(key) && wanted === before?.[key];
    const port = keeps ? wanted : await choosePort(wanted, { explicit: named[key] !== undefined, flag, what, taken });
    if (port !== wanted) {
      const holder = portHolder(wanted);
      say(`port ${wanted} is taken${holder ? ` by ${holderText(holder)}` : ''}: ${what} goes to ${port}`);
    }
    taken.add(port);
    chosen[key] = port;
  }
  const config = chosen as InstanceConfig;
  writeFileSync(`${paths.instanceFile}.new`, recordText(config, paths.runDir), { mode: 0o600 });
  renameSync(`${paths.instanceFile}.new`, paths.instanceFile);
  return config;
}
