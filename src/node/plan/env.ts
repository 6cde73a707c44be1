import type { Container, EnvVarSource, Pod, Service } from '../objects.ts';
import { fieldValue, resourceValue } from './downward.ts';
import { expand } from './expand.ts';
import type { PlanInputs } from './types.ts';

/** A container that cannot be configured as written; the message says what is missing. */
export class ConfigProblem extends Error {}

/** The PATH of images that set none. First the Node that the agent itself runs on: built-in apps are written for it. */
export const DEFAULT_PATH = '/opt/sluice/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * A container's environment, in Kubernetes' order of precedence: the image's, services, envFrom, env (later wins).
 * Throws {@link ConfigProblem} for a reference to something that is missing and not optional.
 */
export function containerEnv(
  pod: Pod,
  container: Container,
  imageEnv: Readonly<Record<string, string>>,
  inputs: PlanInputs,
): Map<string, string> {
  const env = new Map<string, string>([
    ['PATH', DEFAULT_PATH],
    ['HOSTNAME', hostnameOf(pod)],
    ['HOME', '/root'],
    ...(container.tty ? [['TERM', 'xterm'] as const] : []),
    ...Object.entries(imageEnv),
    ...serviceEnv(inputs.services, pod.spec?.enableServiceLinks !== false),
  ]);
  for (const from of container.envFrom ?? []) {
    const data = from.configMapRef ? wholeConfigMap(from.configMapRef, inputs) : from.secretRef ? wholeSecret(from.secretRef, inputs) : {};
    for (const [key, value] of Object.entries(data)) env.set((from.prefix ?? '') + key, value);
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    const text = valueFrom ? sourceValue(pod, container, valueFrom, inputs) : expand(value ?? '', (n) => env.get(n));
    if (text !== undefined) env.set(name, text);
  }
  return env;
}

/** The pod's host name: at most 63 characters of its name. */
export function hostnameOf(pod: Pod): string {
  return (pod.spec?.hostname ?? pod.metadata?.name ?? 'pod').slice(0, 63).replace(/[.-]+$/, '');
}

function sourceValue(pod: Pod, container: Container, source: EnvVarSource, inputs: PlanInputs): string | undefined {
  const namespace = pod.metadata?.namespace ?? '';
  if (source.fieldRef) {
    const path = source.fieldRef.fieldPath;
    const value = fieldValue(pod, path, inputs);
    if (value === undefined) throw new ConfigProblem(`unsupported fieldPath: ${path}`);
    return value;
  }
  if (source.resourceFieldRef) {
    const { resource, divisor, containerName } = source.resourceFieldRef;
    const of = containerName ? (allContainers(pod).find((c) => c.name === containerName) ?? container) : container;
    const value = resourceValue(of, resource, divisor === undefined ? undefined : String(divisor), inputs);
    if (value === undefined) throw new ConfigProblem(`unsupported container resource: ${resource}`);
    return value;
  }
  if (source.configMapKeyRef) {
    const { name = '', key, optional } = source.configMapKeyRef;
    const object = inputs.configMap(name);
    return found(
      object?.data?.[key],
      optional,
      object ? `couldn't find key ${key} in ConfigMap ${namespace}/${name}` : `configmap "${name}" not found`,
    );
  }
  if (source.secretKeyRef) {
    const { name = '', key, optional } = source.secretKeyRef;
    const object = inputs.secret(name);
    const value = object?.data?.[key];
    const missing = object ? `couldn't find key ${key} in Secret ${namespace}/${name}` : `secret "${name}" not found`;
    return found(value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8'), optional, missing);
  }
  return '';
}

function found(value: string | undefined, optional: boolean | undefined, missing: string): string | undefined {
  if (value === undefined && !optional) throw new ConfigProblem(missing);
  return value;
}

function wholeConfigMap(ref: { name?: string; optional?: boolean }, inputs: PlanInputs): Record<string, string> {
  const object = inputs.configMap(ref.name ?? '');
  if (!object && !ref.optional) throw new ConfigProblem(`configmap "${ref.name}" not found`);
  return object?.data ?? {};
}

function wholeSecret(ref: { name?: string; optional?: boolean }, inputs: PlanInputs): Record<string, string> {
  const object = inputs.secret(ref.name ?? '');
  if (!object && !ref.optional) throw new ConfigProblem(`secret "${ref.name}" not found`);
  return Object.fromEntries(Object.entries(object?.data ?? {}).map(([k, v]) => [k, Buffer.from(v, 'base64').toString('utf8')]));
}

export function allContainers(pod: Pod): Container[] {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
}

/** Variables for each service with an address, as Docker links named them; those of `kubernetes` are always there. */
function serviceEnv(services: readonly Service[], links: boolean): [string, string][] {
  const out: [string, string][] = [];
  for (const service of services) {
    const { name = '', namespace } = service.metadata ?? {};
    const { clusterIP, ports = [] } = service.spec ?? {};
    const first = ports[0];
    if (!clusterIP || clusterIP === 'None' || !first) continue;
    if (!links && !(namespace === 'default' && name === 'kubernetes')) continue;
    const prefix = variableName(name);
    out.push([`${prefix}_SERVICE_HOST`, clusterIP], [`${prefix}_SERVICE_PORT`, String(first.port)]);
    for (const p of ports) if (p.name) out.push([`${prefix}_SERVICE_PORT_${variableName(p.name)}`, String(p.port)]);
    out.push([`${prefix}_PORT`, `${(first.protocol ?? 'TCP').toLowerCase()}://${clusterIP}:${first.port}`]);
    for (const p of ports) {
      const protocol = p.protocol ?? 'TCP';
      const port = `${prefix}_PORT_${p.port}_${protocol}`;
      out.push(
        [port, `${protocol.toLowerCase()}://${clusterIP}:${p.port}`],
        [`${port}_PROTO`, protocol.toLowerCase()],
        [`${port}_PORT`, String(p.port)],
        [`${port}_ADDR`, clusterIP],
      );
    }
  }
  return out;
}

const variableName = (name: string): string => name.toUpperCase().replaceAll('-', '_');
