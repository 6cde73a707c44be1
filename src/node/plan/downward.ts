import { parseQuantity } from '../../base/index.ts';
import type { Container, Pod } from '../objects.ts';
import type { PlanInputs } from './types.ts';

const labelLines = (map: Record<string, string> | undefined): string =>
  Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([k, v]) => `${k}=${JSON.stringify(v)}`)
    .join('\n');

/** The value of a `fieldRef`, or undefined when pods have no such field. */
export function fieldValue(pod: Pod, path: string, inputs: Pick<PlanInputs, 'podIP' | 'node'>): string | undefined {
  const { metadata = {}, spec } = pod;
  const keyed = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  if (keyed) return metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2]!] ?? '';
  switch (path) {
    case 'metadata.name':
      return metadata.name ?? '';
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'metadata.labels':
      return labelLines(metadata.labels);
    case 'metadata.annotations':
      return labelLines(metadata.annotations);
    case 'spec.nodeName':
      return inputs.node.name;
    case 'spec.serviceAccountName':
      return spec?.serviceAccountName ?? 'default';
    case 'status.podIP':
    case 'status.podIPs':
      return inputs.podIP;
    case 'status.hostIP':
    case 'status.hostIPs':
      return inputs.node.address;
    default:
      return undefined;
  }
}

/**
 * The value of a `resourceFieldRef`, or undefined when there is no such resource: the amount divided by `divisor` (1 by default) and
 * rounded up. A limit that is not set is what the node has.
 */
export function resourceValue(
  container: Container,
  resource: string,
  divisor: string | undefined,
  inputs: Pick<PlanInputs, 'node'>,
): string | undefined {
  const m = /^(limits|requests)\.(cpu|memory|ephemeral-storage)$/.exec(resource);
  if (!m) return undefined;
  const [, section, name] = m as unknown as [string, 'limits' | 'requests', string];
  const { limits = {}, requests = {} } = container.resources ?? {};
  const limit = limits[name] ?? String(name === 'cpu' ? inputs.node.cpus : name === 'memory' ? inputs.node.memoryBytes : 0);
  const amount = parseQuantity(section === 'limits' ? limit : (requests[name] ?? limits[name] ?? '0')) ?? 0;
  const unit = divisor === undefined || divisor === '0' ? 1 : (parseQuantity(divisor) ?? 1);
  return String(Math.ceil(Number((amount / unit).toPrecision(12))));
}
