/**
 * The shell around containers. A shell, because each container keeps one: it must be small, and it must survive the agent.
 */

/**
 * Outside the container, one each: starts it in namespaces of its own, appends what it prints to `log`, and leaves its
 * exit code in `exit` once all output is written. Runs in the attempt's directory and in the pod's network namespace.
 * Arguments: what becomes of stdin; PID 1 of a container whose processes it shares, if any.
 * Stdin is empty (`none`), or what is written to the FIFO `stdin`: always open (`keep`), or until the first writer is gone
 * (`once`). Then a feeder waits for it, so that the container need not; opening the FIFO at the end lets go of one that waits in vain.
 *
 * No `--kill-child`: when the shim is killed, the container goes on and the agent finds it by its process id.
 */
export const SHIM_SCRIPT = `
umask 077
contain() {
  if [ "$1" ]; then nsenter --target "$1" --pid unshare --mount --uts --ipc --fork sh ./setup
  else unshare --mount --uts --ipc --pid --fork sh ./setup; fi 2>&1
}
{
  case $1 in
    keep) contain "$2" <>stdin ;;
    once) { cat stdin & } | contain "$2" ;;
    none) contain "$2" </dev/null ;;
  esac
  echo $? >exit.new
  if [ -p stdin ]; then : <>stdin; fi
} | cat >>log
mv exit.new exit
`;

/** The terminal of a container: the first that is made in it. */
export const TERMINAL = '/dev/pts/0';
/** How long a container waits for its terminal to be opened, in seconds. */
const TERMINAL_TIMEOUT_S = 20;

/**
 * Beside a container with a terminal, outside, so that the terminal needs no agent: fd 3 is its far end. Hands on what is written to the
 * FIFO `stdin`, and prints what the container shows, until none of its processes is left.
 */
export const TERMINAL_SCRIPT = `
if [ -p stdin ]; then cat <>stdin >&3 & fi
cat <&3 2>/dev/null
if [ "$!" ]; then kill $!; fi
`;

/** What makes a command the leader of its terminal's session, with the signals of its keys as usual: a shell's background has none. */
const TERMINAL_WORDS = ['/usr/bin/setsid', '--ctty', '/usr/bin/env', '--default-signal=INT,QUIT'];

/**
 * PID 1 of a container: hands signals on to the app, so that one without handlers ends at once (as PID 1 itself it would
 * be deaf to them), and reaps. Exits with the app's code. It keeps the app's stdout, since people write their logs to
 * `/proc/1/fd/1`; its own stderr would say how the app died. Stdin goes by way of fd 3: what a shell starts in the background has none
 * of its own, and `<&0` would copy just that.
 */
export const INIT_SCRIPT = `exec 3<&0
"$@" <&3 3<&- &
app=$!
exec </dev/null 2>/dev/null 3<&-
for s in TERM INT HUP QUIT USR1 USR2; do trap "kill -$s $app" $s; done
while :; do
  wait $app
  code=$?
  kill -0 $app || exit $code
done`;

/** Where a container's root is put together, seen from inside its own mount namespace. */
export interface RootPaths {
  /** The node's template, made once ({@link templateScript}). */
  readonly template: string;
  /** An empty directory to mount the root on; all containers use the same, each in its own namespace. */
  readonly mountPoint: string;
}

export interface Bind {
  readonly source: string;
  /** In the container, absolute. */
  readonly target: string;
  readonly readOnly: boolean;
  /** Flags of the source's file system that a remount must repeat (`nosuid`, `nodev`, `noexec`). */
  readonly flags: readonly string[];
}

/** Quotes a word for the shell. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A field of fstab(5). */
function field(text: string): string {
  return text.replace(/[\\ \t\n#]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** The mounts of a container below its root, for one run of `mount --all`. */
export function fstab(paths: RootPaths, templateMounts: readonly string[], binds: readonly Bind[]): string {
  const { template, mountPoint: root } = paths;
  const line = (source: string, target: string, type: string, options: string): string =>
    `${field(source)} ${field(root + target)} ${type} ${options} 0 0`;
  const sorted = [...binds].sort((a, b) => depth(a.target) - depth(b.target));
  return [
    ...templateMounts.map((m) => line(template + m, m, 'none', 'rbind')),
    line('devpts', '/dev/pts', 'devpts', 'newinstance,ptmxmode=0666,mode=0620'),
    line('tmpfs', '/dev/shm', 'tmpfs', 'mode=1777,nosuid,nodev'),
    line('proc', '/proc', 'proc', 'nosuid,nodev,noexec'),
    ...sorted.map((b) => line(b.source, b.target, 'none', ['rbind', ...(b.readOnly ? ['ro', ...b.flags] : [])].join(','))),
    '',
  ].join('\n');
}

const depth = (path: string): number => path.split('/').length;

export interface SetupOptions {
  readonly paths: RootPaths;
  readonly hostname: string;
  readonly argv: readonly string[];
  readonly env: readonly (readonly [string, string])[];
  readonly workingDir: string;
  readonly capabilities: readonly string[];
  readonly noNewPrivileges: boolean;
  readonly readOnlyRoot: boolean;
  /** It has a terminal; whoever starts it opens the far end, once `rooted` is not empty, and says so in the FIFO `opened`. */
  readonly terminal: boolean;
}

const WAIT_FOR_TERMINAL = `echo rooted >&5
timeout ${TERMINAL_TIMEOUT_S} head -n 1 <&6 >/dev/null || { echo 'nobody opened its terminal' >&2; exit 1; }
exec 5>&- 6>&-
`;

/**
 * The first process of a container: puts its root together, enters it, and becomes {@link INIT_SCRIPT}. Runs in the attempt's
 * directory. Leaves `init` (its `/proc/self/stat`: the container's PID and start time as the node counts), `started`
 * (not empty once the app's command takes over) and `setup.err` (why it does not).
 */
export function setupScript(o: SetupOptions): string {
  const root = quote(o.paths.mountPoint);
  return `set -e
read -r stat </proc/self/stat
printf '%s\\n' "$stat" >init
exec 3>started 4>&2 2>setup.err${o.terminal ? ' 5>rooted 6<>opened' : ''}
mount -t tmpfs -o mode=755,nosuid,nodev sluice ${root}
cp -a ${quote(o.paths.template)}/skeleton/. ./root/. ${root}/
mount --all --fstab ./fstab
hostname ${quote(o.hostname)} 2>/dev/null || :
cd ${root}
pivot_root . .
umount -l .
${o.readOnlyRoot ? 'mount -o remount,bind,ro,nosuid,nodev /\n' : ''}cd ${quote(o.workingDir)}
${o.terminal ? WAIT_FOR_TERMINAL : ''}echo started >&3
exec ${[...privilegeWords(o), ...environmentWords(o.env), '/bin/sh', '-c', INIT_SCRIPT, 'sluice-init', ...(o.terminal ? TERMINAL_WORDS : []), ...oddWords(o.env), ...o.argv].map(quote).join(' ')} ${o.terminal ? `<>${TERMINAL} >&0 2>&0` : '2>&4'} 3>&- 4>&-
`;
}

/** What a process of a container is, beside its command. */
export type ProcessContext = Pick<SetupOptions, 'env' | 'capabilities' | 'noNewPrivileges'>;

/** The words that run `argv` with the container's privileges and exactly its environment. */
export function processWords(context: ProcessContext, argv: readonly string[]): string[] {
  return [...privilegeWords(context), ...environmentWords(context.env), ...oddWords(context.env), ...argv];
}

function privilegeWords(o: Omit<ProcessContext, 'env'>): string[] {
  const kept = o.capabilities.map((c) => `,+${c}`).join('');
  return ['setpriv', '--bounding-set', `-all${kept}`, '--inh-caps', '-all', ...(o.noNewPrivileges ? ['--no-new-privs'] : []), '--'];
}

type Env = SetupOptions['env'];
const SHELL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

function environmentWords(env: Env): string[] {
  return ['env', '-i', ...env.filter(([k]) => SHELL_NAME.test(k)).map(([k, v]) => `${k}=${v}`)];
}

/** Variables that a shell would not hand on (`my.name`) are set after it. */
function oddWords(env: Env): string[] {
  const odd = env.filter(([k]) => !SHELL_NAME.test(k));
  return odd.length === 0 ? [] : ['env', ...odd.map(([k, v]) => `${k}=${v}`)];
}

/** What the template holds of the host, beside the skeleton; paths that exist there. */
export interface HostLayout {
  /** Directories to show read-only, with what is mounted inside them. */
  readonly directories: readonly string[];
  /** Files and directories of /etc to show read-only. */
  readonly etc: readonly string[];
  /** Top-level links to repeat, e.g. `/bin` -> `usr/bin`. */
  readonly links: readonly (readonly [path: string, target: string])[];
  /** Devices of /dev. */
  readonly devices: readonly string[];
  /** Flags that a remount must repeat, by path. */
  flags(path: string): readonly string[];
  /** Mount points below a path. */
  below(path: string): readonly string[];
}

/** The paths that a container binds from the template. */
export function templateMounts(layout: HostLayout): string[] {
  return [...layout.directories, ...layout.etc, '/dev', '/opt/sluice/bin'];
}

/**
 * Makes the template: a tmpfs with a read-only view of the host's programs and a skeleton of files to copy. Runs once in
 * the node's mount namespace.
 */
export function templateScript(template: string, layout: HostLayout, node: string): string {
  const at = (path: string): string => quote(template + path);
  const readOnly = (path: string): string => `mount -o ${['remount', 'bind', 'ro', ...layout.flags(path)].join(',')} ${at(path)}`;
  const skeleton = '/skeleton';
  const dirs = ['/dev/pts', '/dev/shm', '/opt/sluice/bin'];
  const homes = [
    '/etc',
    '/proc',
    '/sys',
    '/root',
    '/home',
    '/tmp',
    '/run',
    '/var/tmp',
    '/var/log',
    '/var/lib',
    '/var/cache',
    '/mnt',
    '/srv',
    '/opt/sluice/bin',
    '/dev',
  ];
  return [
    'set -e',
    `mkdir -p ${at('')}`,
    `mount -t tmpfs -o mode=755 sluice ${at('')}`,
    `mkdir -p ${[...dirs, ...homes.map((h) => skeleton + h)].map(at).join(' ')}`,
    `chmod 1777 ${at(`${skeleton}/tmp`)} ${at(`${skeleton}/var/tmp`)}`,
    `ln -s ../run ${at(`${skeleton}/var/run`)}`,
    ...layout.links.map(([path, target]) => `ln -s ${quote(target)} ${at(skeleton + path)}`),
    ...layout.directories.flatMap((d) => [
      `mkdir -p ${at(d)} ${at(skeleton + d)}`,
      `mount --rbind ${quote(d)} ${at(d)}`,
      ...[d, ...layout.below(d)].map(readOnly),
    ]),
    ...layout.etc.flatMap((e) => [
      `if [ -d ${quote(e)} ]; then mkdir -p ${at(e)} ${at(skeleton + e)}; else for f in ${at(e)} ${at(skeleton + e)}; do mkdir -p "\${f%/*}"; : >"$f"; done; fi`,
      `mount --bind ${quote(e)} ${at(e)}`,
      readOnly(e),
    ]),
    ...layout.devices.flatMap((d) => [`: >${at(d)}`, `mount --bind ${quote(d)} ${at(d)}`]),
    ...[
      ['pts/ptmx', '/dev/ptmx'],
      ['/proc/self/fd', '/dev/fd'],
      ['/proc/self/fd/0', '/dev/stdin'],
      ['/proc/self/fd/1', '/dev/stdout'],
      ['/proc/self/fd/2', '/dev/stderr'],
    ].map(([target, link]) => `ln -s ${target} ${at(link!)}`),
    // Read-only as a directory, while the devices in it stay writable.
    `mount --rbind ${at('/dev')} ${at('/dev')}`,
    `mount -o remount,bind,ro ${at('/dev')}`,
    `: >${at('/opt/sluice/bin/node')}`,
    `mount --bind ${quote(node)} ${at('/opt/sluice/bin/node')}`,
    `mount -o ${['remount', 'bind', 'ro', ...layout.flags(node)].join(',')} ${at('/opt/sluice/bin/node')}`,
    `printf 'root:x:0:0:root:/root:/bin/sh\\nnobody:x:65534:65534:nobody:/:/bin/false\\n' >${at(`${skeleton}/etc/passwd`)}`,
    `printf 'root:x:0:\\nnogroup:x:65534:\\n' >${at(`${skeleton}/etc/group`)}`,
    `printf 'passwd: files\\ngroup: files\\nhosts: files dns\\n' >${at(`${skeleton}/etc/nsswitch.conf`)}`,
    `: >${at('/complete')}`,
    '',
  ].join('\n');
}
