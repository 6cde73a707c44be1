/** `metrics.k8s.io` and the autoscaler's view, of one source. Pure: usage and objects come in. */
import {
  keyOf,
  keyText,
  NodeMetricsResource,
  PodMetricsResource,
  apiVersionOf,
  type AnyObject,
  type KubeObject,
  type ResourceUsage,
} from '../../api/index.ts';
import { rfc3339 } from '../../base/index.ts';
import type { PodUse } from '../../workloads/index.ts';
import type { Usage, Use } from './usage.ts';

type Labels = Readonly<Record<string, string>>;

/** The NodeMetrics of the node that the usage is about. */
export function nodeMetricsOf(usage: Usage, nodes: readonly KubeObject[]): AnyObject[] {
  return nodes.map((node) => ({
    ...head(NodeMetricsResource, usage, { name: node.metadata?.name ?? '' }, node.metadata?.labels),
    usage: amounts(usage.node),
  }));
}

/** The PodMetrics of a namespace, or of all; pods that are gone are left out. */
export function podMetricsOf(usage: Usage, pods: readonly KubeObject[], namespace: string | undefined): AnyObject[] {
  const labels = new Map(pods.map((p) => [keyText(keyOf(p)), p.metadata?.labels ?? {}]));
  return usage.pods
    .filter((p) => (namespace === undefined || p.namespace === namespace) && labels.has(keyText(p)))
    .map(({ name, namespace: in_, containers }) => ({
      ...head(PodMetricsResource, usage, { name, namespace: in_ }, labels.get(keyText({ name, namespace: in_ }))),
      containers: containers.map((c) => ({ name: c.name, usage: amounts(c) })),
    }));
}

/** What autoscalers scale on. */
export function useOfPods(usage: Usage | undefined): ReadonlyMap<string, PodUse> {
  const sum = (uses: readonly Use[], of: keyof Use): number => uses.reduce((n, u) => n + u[of], 0);
  return new Map(
    (usage?.pods ?? []).map((p) => [
      keyText(p),
      { cpuMilli: sum(p.containers, 'cpuMilli'), memoryBytes: sum(p.containers, 'memoryBytes') },
    ]),
  );
}

function head(
  type: { group: string; version: string; kind: string },
  { at, windowMs }: Usage,
  name: { name: string; namespace?: string },
  labels?: Labels,
): AnyObject {
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: { ...name, creationTimestamp: rfc3339(at), ...(labels && Object.keys(labels).length > 0 ? { labels } : {}) },
    timestamp: rfc3339(at),
    window: `${Math.round(windowMs) / 1000}s`,
  };
}

const amounts = ({ cpuMilli, memoryBytes }: Use): ResourceUsage => ({
  cpu: `${Math.round(cpuMilli * 1e6)}n`,
  memory: `${Math.round(memoryBytes / 1024)}Ki`,
});
