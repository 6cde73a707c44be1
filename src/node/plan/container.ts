import { posix } from 'node:path';
import { HOST_IMAGE, parseImage, type BuiltinImage } from '../images.ts';
import type { Container, Pod, VolumeMount } from '../objects.ts';
import { ConfigProblem, containerEnv } from './env.ts';
import { expand } from './expand.ts';
import type { ContainerPlan, PlanInputs, VolumeMountPlan, Waiting } from './types.ts';

/** What containers may do by default: what common container runtimes leave them. */
const DEFAULT_CAPABILITIES = [
  'audit_write',
  'chown',
  'dac_override',
  'fowner',
  'fsetid',
  'kill',
  'mknod',
  'net_bind_service',
  'net_raw',
  'setfcap',
  'setgid',
  'setpcap',
  'setuid',
  'sys_chroot',
];
/** What a pod may add; everything else would reach beyond its own namespaces. */
const GRANTABLE = new Set([...DEFAULT_CAPABILITIES, 'sys_ptrace', 'sys_nice', 'ipc_lock', 'sys_resource']);

export type Planned = { readonly plan: ContainerPlan } | { readonly waiting: Waiting };

/** How to run a container of a pod, or why it cannot run yet. Total: it never throws on what a user wrote. */
export function planContainer(pod: Pod, container: Container, inputs: PlanInputs): Planned {
  const image = container.image ?? '';
  if (image !== HOST_IMAGE && !parseImage(image)) {
    return {
      waiting: {
        reason: 'InvalidImageName',
        message: `Failed to apply default image tag "${image}": couldn't parse image name: invalid reference format`,
      },
    };
  }
  const found = image === HOST_IMAGE ? hostImage(container) : inputs.catalog.resolve(image, { pod, container, podIP: inputs.podIP });
  if ('error' in found) return { waiting: { reason: 'ErrImagePull', message: found.error } };
  try {
    return { plan: build(pod, container, image, found, inputs) };
  } catch (error) {
    if (error instanceof ConfigProblem) return { waiting: { reason: 'CreateContainerConfigError', message: error.message } };
    throw error;
  }
}

function hostImage(container: Container): BuiltinImage | { error: string } {
  if (!container.command?.length) return { error: 'image "host" runs a program of this machine: name it in `command`' };
  return { kind: 'builtin', command: [], args: [], env: {}, mounts: [], workingDir: '/', note: 'a program of this machine' };
}

function build(pod: Pod, container: Container, image: string, builtin: BuiltinImage, inputs: PlanInputs): ContainerPlan {
  const env = containerEnv(pod, container, builtin.env, inputs);
  const lookup = (name: string): string | undefined => env.get(name);
  const command = container.command?.length ? container.command.map((c) => expand(c, lookup)) : builtin.command;
  const defaults = container.command?.length ? [] : builtin.args;
  const argv = [...command, ...(container.args?.length ? container.args.map((a) => expand(a, lookup)) : defaults)];
  if (argv.length === 0) throw new ConfigProblem(`image "${image}" has no command of its own: name one in \`command\``);
  const context = container.securityContext ?? {};
  return {
    name: container.name,
    image,
    imageNote: builtin.note,
    argv,
    env: [...env],
    workingDir: container.workingDir ?? builtin.workingDir,
    volumeMounts: (container.volumeMounts ?? []).map((m) => planMount(pod, image, m, lookup, inputs)),
    imageMounts: builtin.mounts,
    files: builtin.files ?? {},
    capabilities: capabilities(container, builtin.netAdmin === true),
    noNewPrivileges: context.allowPrivilegeEscalation === false,
    readOnlyRoot: context.readOnlyRootFilesystem === true,
    stdin: !container.stdin ? 'none' : container.stdinOnce ? 'once' : 'keep',
    terminal: container.tty === true,
  };
}

function planMount(
  pod: Pod,
  image: string,
  mount: VolumeMount,
  lookup: (name: string) => string | undefined,
  inputs: PlanInputs,
): VolumeMountPlan {
  const volume = pod.spec?.volumes?.find((v) => v.name === mount.name);
  if (!volume) throw new ConfigProblem(`volumeMount "${mount.name}" names a volume that the pod does not have`);
  const claim = volume.persistentVolumeClaim;
  const behind = claim && inputs.volumeOf(claim.claimName);
  const foreign = behind !== undefined && 'path' in behind && !behind.own;
  if ((volume.hostPath || foreign) && image !== HOST_IMAGE) {
    throw new ConfigProblem(
      `volume "${mount.name}" is a hostPath${foreign ? ', by its claim' : ''}: only containers of image "host" may see this machine's files`,
    );
  }
  const subPath = mount.subPathExpr === undefined ? (mount.subPath ?? '') : expand(mount.subPathExpr, lookup);
  if (subPath.startsWith('/') || subPath.split('/').includes('..')) {
    throw new ConfigProblem(`volumeMount "${mount.name}": the subPath "${subPath}" must be relative and without ".."`);
  }
  const target = posix.normalize(posix.join('/', mount.mountPath)).replace(/(.)\/$/, '$1');
  if (target === '/') throw new ConfigProblem(`volumeMount "${mount.name}": a volume cannot be mounted over /`);
  return { volume: mount.name, target, subPath, readOnly: mount.readOnly === true || claim?.readOnly === true };
}

function capabilities(container: Container, netAdmin: boolean): string[] {
  const { add = [], drop = [] } = container.securityContext?.capabilities ?? {};
  const plain = (names: readonly string[]): string[] => names.map((n) => n.toLowerCase().replace(/^cap_/, ''));
  const dropped = new Set(plain(drop));
  const kept = new Set(dropped.has('all') ? [] : DEFAULT_CAPABILITIES.filter((c) => !dropped.has(c)));
  for (const name of plain(add)) if (GRANTABLE.has(name)) kept.add(name);
  if (netAdmin) kept.add('net_admin');
  return [...kept].sort();
}
