/** The load tester of the built-in image as a process of the host, with the tools that its commands use. */
import { spawn, type ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundledTool } from './instance/kubectl.edge.ts';
import type { InstancePaths } from './instance/paths.ts';

const SAMPLES = fileURLToPath(new URL('../../samples', import.meta.url));

/** It listens on 127.0.0.1; `kubectl` and `helm` in its commands talk to the instance. */
export function startLoadTester(paths: InstancePaths, env: NodeJS.ProcessEnv, port: number): ChildProcess {
  const kubectl = bundledTool('kubectl', paths.cacheDir);
  bundledTool('helm', paths.cacheDir);
  const path = [join(SAMPLES, 'bin'), env.PATH, dirname(process.execPath), ...(kubectl ? [dirname(kubectl)] : [])].join(':');
  const script = join(SAMPLES, 'loadtester/main.ts');
  const flags = ['--disable-warning=ExperimentalWarning', script, `--port=${port}`, '--address=127.0.0.1'];
  return spawn(process.execPath, flags, { stdio: 'inherit', env: { ...env, PATH: path, KUBECONFIG: paths.kubeconfig } });
}
