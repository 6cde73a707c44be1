/** How a cluster is reached that is not ours: as a kubeconfig says, or as a pod of it. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { Fault, messageOf, type Clock } from '../base/index.ts';
import type { Credentials, RemoteServer } from './http-connection.edge.ts';
import { execCredentialOf, kubeContextOf, type ExecCredential, type ExecPlugin, type Given, type KubeContext } from './kubeconfig.ts';

/** A cluster, and the namespace that is meant where none is named. */
export interface Cluster {
  readonly server: RemoteServer;
  readonly namespace: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** A token in a file is renewed in place (by the kubelet, an hour or so before it ends). */
const FILE_AGE_MS = 60_000;
const PLUGIN_TIMEOUT_MS = 60_000;
/** A credential is asked for anew a little before it ends. */
const MARGIN_MS = 10_000;

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** As the kubelet tells a pod; undefined outside of one. `directory`: where the account is mounted. */
export function clusterOfPod(env: Environment, clock: Clock, directory = ACCOUNT): Cluster | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env;
  const file = join(directory, 'token');
  if (!host || !existsSync(file)) return undefined;
  const namespace = join(directory, 'namespace');
  return {
    server: {
      baseUrl: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
      ca: readFileSync(join(directory, 'ca.crt'), 'utf8'),
      credentials: tokenIn(file, clock),
    },
    namespace: existsSync(namespace) ? readFileSync(namespace, 'utf8').trim() : undefined,
  };
}

/** `context`: absent, the current one. */
export function clusterFromKubeconfig(path: string, context: string | undefined, env: Environment, clock: Clock): Cluster {
  const text = read(path, 'the kubeconfig');
  const kube = kubeContextOf(text, context, path);
  // Paths in a kubeconfig are seen from where it is.
  const at = (file: string): string => (isAbsolute(file) ? file : resolve(dirname(path), file));
  const content = (given: Given | undefined): string | undefined =>
    given && ('data' in given ? given.data : read(at(given.file), `what ${path} names`));
  const ca = content(kube.ca);
  const { server: baseUrl, insecureSkipTlsVerify, serverName, namespace } = kube;
  return {
    server: { baseUrl, ca, insecureSkipTlsVerify, serverName, credentials: credentialsOf() },
    namespace,
  };

  function credentialsOf(): (refused: boolean) => Promise<Credentials> {
    if (kube.exec) {
      const command = kube.exec.command.includes('/') ? at(kube.exec.command) : kube.exec.command;
      return askedOf({ ...kube.exec, command }, kube, ca, env, clock);
    }
    const fixed: Credentials = { cert: content(kube.cert), key: content(kube.key) };
    if (!kube.token) return async () => fixed;
    if ('data' in kube.token) {
      const { data: token } = kube.token;
      return async () => ({ ...fixed, token });
    }
    const token = tokenIn(at(kube.token.file), clock);
    return async (refused) => ({ ...fixed, ...(await token(refused)) });
  }
}

function read(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Fault('FileUnreadable', `${what} cannot be read: ${messageOf(cause)}`, {
      hint: 'Correct the path, or its permissions.',
      cause,
    });
  }
}

function tokenIn(file: string, clock: Clock): (refused: boolean) => Promise<Credentials> {
  let held: { readonly token: string; readonly at: number } | undefined;
  return async (refused) => {
    if (!held || refused || clock.monotonic() - held.at > FILE_AGE_MS)
      held = { token: read(file, 'the token').trim(), at: clock.monotonic() };
    return { token: held.token };
  };
}

/** Asks the plugin once for as long as its answer holds; who asks meanwhile waits for the same answer. */
function askedOf(
  plugin: ExecPlugin,
  kube: KubeContext,
  ca: string | undefined,
  env: Environment,
  clock: Clock,
): (refused: boolean) => Promise<Credentials> {
  const cluster = {
    server: kube.server,
    ...(ca ? { 'certificate-authority-data': Buffer.from(ca, 'utf8').toString('base64') } : {}),
    ...(kube.serverName ? { 'tls-server-name': kube.serverName } : {}),
  };
  const spec = { interactive: false, ...(plugin.provideClusterInfo ? { cluster } : {}) };
  const told = JSON.stringify({ apiVersion: plugin.apiVersion, kind: 'ExecCredential', spec });
  let held: ExecCredential | undefined;
  let asking: Promise<ExecCredential> | undefined;
  return async (refused) => {
    const over = held?.expiresAt !== undefined && held.expiresAt - MARGIN_MS < clock.now();
    if (held && !over && !refused) return held;
    asking ??= run(plugin, { ...env, ...plugin.env, KUBERNETES_EXEC_INFO: told }).finally(() => (asking = undefined));
    return (held = await asking);
  };
}

function run(plugin: ExecPlugin, env: Environment): Promise<ExecCredential> {
  return new Promise((done, fail) => {
    execFile(plugin.command, plugin.args, { env, timeout: PLUGIN_TIMEOUT_MS }, (error, stdout, stderr) => {
      if (!error) {
        try {
          done(execCredentialOf(stdout, plugin.command));
        } catch (cause) {
          fail(cause);
        }
        return;
      }
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      const why = missing ? 'is not there' : `failed: ${stderr.trim().slice(-500) || error.message}`;
      const hint = (missing && plugin.installHint) || 'Run it by hand to see what it says.';
      fail(
        new Fault('CredentialPluginFailed', `${plugin.command}, which the kubeconfig names for credentials, ${why}`, {
          hint,
          cause: error,
        }),
      );
    });
  });
}
