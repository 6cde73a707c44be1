/** What a kubeconfig says of one cluster and one user: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/. Pure. */
import { Fault, messageOf, parseYaml } from '../base/index.ts';

/** Bytes that stand in the kubeconfig, or in a file beside it. */
export type Given = { readonly data: string } | { readonly file: string };

/** A program that is asked for credentials (client.authentication.k8s.io). */
export interface ExecPlugin {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The program is told of the cluster, too. */
  readonly provideClusterInfo: boolean;
  readonly installHint: string | undefined;
}

export interface KubeContext {
  readonly context: string;
  readonly server: string;
  readonly ca: Given | undefined;
  readonly insecureSkipTlsVerify: boolean;
  readonly serverName: string | undefined;
  readonly namespace: string | undefined;
  readonly token: Given | undefined;
  readonly cert: Given | undefined;
  readonly key: Given | undefined;
  readonly exec: ExecPlugin | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** `context`: absent, the current one. `source` names the text in messages. */
export function kubeContextOf(text: string, context: string | undefined, source: string): KubeContext {
  const file = parsed(text, source);
  const name = context ?? stringOf(file['current-context']);
  if (!name) throw bad(source, 'has no current-context', 'Choose one: kubectl config use-context NAME, or give --context NAME.');
  const { cluster: clusterName, user: userName, namespace } = entry(file, 'contexts', 'context', name, source);
  const cluster = entry(file, 'clusters', 'cluster', stringOf(clusterName) ?? '', source);
  const user = userName === undefined || userName === '' ? {} : entry(file, 'users', 'user', stringOf(userName) ?? '', source);
  const server = stringOf(cluster['server']) ?? '';
  if (!/^https?:\/\//.test(server) || !URL.canParse(server))
    throw bad(
      source,
      `gives the cluster ${String(clusterName)} the server ${JSON.stringify(server)}`,
      'It is to be a URL such as https://10.0.0.1:6443.',
    );
  if (cluster['proxy-url'])
    throw bad(
      source,
      'reaches the cluster by a proxy (proxy-url)',
      'That is not supported: run inside the cluster, or where it is reached directly.',
    );
  if (user['auth-provider'])
    throw bad(
      source,
      `has an auth-provider for the user ${String(userName)}`,
      'Kubernetes 1.26 gave these up: use an exec plugin, or a token of a ServiceAccount.',
    );
  if (user['username'] || user['password'])
    throw bad(
      source,
      `has a password for the user ${String(userName)}`,
      'Kubernetes 1.19 gave these up: use a certificate, or a token of a ServiceAccount.',
    );
  return {
    context: name,
    server,
    ca: given(cluster, 'certificate-authority', source),
    insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'] === true,
    serverName: stringOf(cluster['tls-server-name']),
    namespace: stringOf(namespace),
    token: tokenOf(user),
    cert: given(user, 'client-certificate', source),
    key: given(user, 'client-key', source),
    exec: execOf(user['exec'], source),
  };
}

function parsed(text: string, source: string): Fields {
  let value: unknown;
  try {
    [value] = parseYaml(text, source);
  } catch (cause) {
    throw bad(source, `cannot be read: ${messageOf(cause)}`, 'Give a kubeconfig, as "kubectl config view --raw" shows one.');
  }
  if (!isFields(value) || !Array.isArray(value['clusters']))
    throw bad(source, 'is not a kubeconfig: it has no clusters', 'Give a kubeconfig, as "kubectl config view --raw" shows one.');
  return value;
}

function entry(file: Fields, list: string, field: string, name: string, source: string): Fields {
  const items: unknown[] = Array.isArray(file[list]) ? file[list] : [];
  const named = items.filter(isFields);
  const found = named.find((item) => item['name'] === name);
  if (!found) {
    const names = named.map((item) => String(item['name'])).join(', ') || 'none';
    throw bad(source, `has no ${field} ${JSON.stringify(name)}`, `It has: ${names}.`);
  }
  return isFields(found[field]) ? found[field] : {};
}

/** As `<name>-data` (base64) or `<name>` (a file); data comes first. */
function given(of: Fields, name: string, source: string): Given | undefined {
  const data = stringOf(of[`${name}-data`]);
  if (data) {
    const text = Buffer.from(data, 'base64').toString('utf8');
    if (!text.includes('-----BEGIN')) throw bad(source, `has a ${name}-data that is not the base64 of PEM`, 'Write the kubeconfig anew.');
    return { data: text };
  }
  const file = stringOf(of[name]);
  return file ? { file } : undefined;
}

/** A file comes before what stands in the kubeconfig: it may change. */
function tokenOf(user: Fields): Given | undefined {
  const file = stringOf(user['tokenFile']);
  if (file) return { file };
  const data = stringOf(user['token']);
  return data ? { data } : undefined;
}

const VERSIONS: readonly string[] = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];

function execOf(value: unknown, source: string): ExecPlugin | undefined {
  if (!isFields(value)) return undefined;
  const apiVersion = stringOf(value['apiVersion']) ?? '';
  const command = stringOf(value['command']);
  if (!command) throw bad(source, 'has an exec plugin without a command', 'Write the kubeconfig anew.');
  if (!VERSIONS.includes(apiVersion))
    throw bad(source, `has an exec plugin of ${apiVersion || 'no apiVersion'}`, `Use one of ${VERSIONS.join(', ')}.`);
  const env = (Array.isArray(value['env']) ? value['env'] : []).filter(isFields);
  return {
    apiVersion,
    command,
    args: (Array.isArray(value['args']) ? value['args'] : []).map(String),
    env: Object.fromEntries(env.map((e) => [String(e['name']), String(e['value'])])),
    provideClusterInfo: value['provideClusterInfo'] === true,
    installHint: stringOf(value['installHint']),
  };
}

export interface ExecCredential {
  readonly token?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Milliseconds since the epoch; undefined: until the server refuses it. */
  readonly expiresAt?: number | undefined;
}

/** What a plugin has written; throws a `Fault` when that is no ExecCredential with anything to go by. */
export function execCredentialOf(text: string, command: string): ExecCredential {
  const wrong = (why: string): Fault =>
    new Fault('CredentialPluginFailed', `${command}, which the kubeconfig names for credentials, ${why}`, {
      hint: 'Run it by hand to see what it says.',
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong('wrote something else than JSON');
  }
  const status = isFields(value) && isFields(value['status']) ? value['status'] : {};
  const token = stringOf(status['token']);
  const cert = stringOf(status['clientCertificateData']);
  const key = stringOf(status['clientKeyData']);
  if (!token && !(cert && key)) throw wrong('gave neither a token nor a certificate with its key');
  const expiresAt = Date.parse(stringOf(status['expirationTimestamp']) ?? '');
  return { token, cert, key, expiresAt: Number.isNaN(expiresAt) ? undefined : expiresAt };
}

function bad(source: string, what: string, hint: string): Fault {
  return new Fault('KubeconfigUnusable', `${source} ${what}`, { hint });
}

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const stringOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
