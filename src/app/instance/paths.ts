/** Where an instance keeps its things. Pure: the environment comes in. */
import { join } from 'node:path';
import { Fault, sha256Hex } from '../../base/index.ts';

export interface InstancePaths {
  readonly name: string;
  /** Survives `down`: the store, keys, pods' volumes and logs. */
  readonly stateDir: string;
  /** Sockets and pid files; gone after a reboot. Short, since a Unix socket's path has at most 107 bytes. */
  readonly runDir: string;
  readonly storeDir: string;
  readonly pkiDir: string;
  readonly logDir: string;
  readonly podsDir: string;
  /** One directory a volume that was made for a claim. */
  readonly volumesDir: string;
  readonly instanceFile: string;
  /** The instance's own kubeconfig; `up` also merges the context into the user's. */
  readonly kubeconfig: string;
  readonly apiSocket: string;
  /** The API server's TLS listener, for pods. */
  readonly apiTlsSocket: string;
  readonly xdsSocket: string;
  /** What istiod tells of itself, by HTTP. */
  readonly istiodSocket: string;
  /** The same over xDS, for istioctl. */
  readonly istiodXdsSocket: string;
  /** PromQL, for the same pod and in the same directory. */
  readonly prometheusSocket: string;
  /** What delivery tells of itself, by HTTP and in lines; each in a directory of its own, for the pod `flagger`. */
  readonly flaggerSocket: string;
  readonly flaggerLog: string;
  readonly nodeSocket: string;
  readonly proxyDir: string;
  /** Shared by all instances: Envoy, toolchains. */
  readonly cacheDir: string;
  /** Name of the context in the kubeconfig. */
  readonly context: string;
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly uid: number;
}

const NAME = /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/;

/** Throws `Fault` when the name is none, or a socket's path would be too long. `stateRoot`, absolute, is `--state`. */
export function instancePaths(name: string, at: Surroundings, stateRoot?: string): InstancePaths {
  if (!NAME.test(name))
    throw new Fault('NameInvalid', `"${name}" cannot name an instance`, {
      hint: 'Use up to 32 lower-case letters, digits and dashes, e.g. --name dev.',
    });
  const usual = join(at.env.XDG_STATE_HOME || join(at.home, '.local', 'state'), 'sluice');
  const run = at.env.XDG_RUNTIME_DIR ? join(at.env.XDG_RUNTIME_DIR, 'sluice') : `/tmp/sluice-${at.uid}`;
  const stateDir = join(stateRoot ?? usual, name);
  // Instances of one name with their state in different places are different instances.
  const runDir = join(run, (stateRoot ?? usual) === usual ? name : `${name}-${sha256Hex(stateDir).slice(0, 8)}`);
  const longest = join(runDir, 'proxy', '0123456789ab', 'admin.sock');
  const bytes = Buffer.byteLength(longest);
  if (bytes > 107)
    throw new Fault('PathTooLong', `the path of a socket would be ${bytes} bytes long (${longest}); Linux allows 107`, {
      hint: 'Set XDG_RUNTIME_DIR to a shorter directory, or unset it.',
    });
  return {
    name,
    stateDir,
    ...runPaths(runDir),
    storeDir: join(stateDir, 'store'),
    pkiDir: join(stateDir, 'pki'),
    logDir: join(stateDir, 'logs'),
    flaggerLog: join(stateDir, 'logs', 'flagger', 'flagger.log'),
    podsDir: join(stateDir, 'pods'),
    volumesDir: join(stateDir, 'volumes'),
    instanceFile: join(stateDir, 'instance.json'),
    kubeconfig: join(stateDir, 'kubeconfig'),
    cacheDir: join(at.env.XDG_CACHE_HOME || join(at.home, '.cache'), 'sluice'),
    context: name === 'default' ? 'sluice' : `sluice-${name}`,
  };
}

/** The same instance with its sockets and pid files in another place. */
export function withRunDir(paths: InstancePaths, runDir: string): InstancePaths {
  return { ...paths, ...runPaths(runDir) };
}

function runPaths(
  runDir: string,
): Pick<
  InstancePaths,
  | 'runDir'
  | 'apiSocket'
  | 'apiTlsSocket'
  | 'xdsSocket'
  | 'istiodSocket'
  | 'istiodXdsSocket'
  | 'prometheusSocket'
  | 'flaggerSocket'
  | 'nodeSocket'
  | 'proxyDir'
> {
  return {
    runDir,
    apiSocket: join(runDir, 'api.sock'),
    apiTlsSocket: join(runDir, 'api-tls.sock'),
    xdsSocket: join(runDir, 'xds', 'xds.sock'),
    istiodSocket: join(runDir, 'istiod', 'istiod.sock'),
    istiodXdsSocket: join(runDir, 'istiod', 'xds.sock'),
    prometheusSocket: join(runDir, 'istiod', 'prometheus.sock'),
    flaggerSocket: join(runDir, 'flagger', 'flagger.sock'),
    nodeSocket: join(runDir, 'node.sock'),
    proxyDir: join(runDir, 'proxy'),
  };
}
