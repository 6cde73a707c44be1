/** What pods say to their sidecars and is not understood, or has no effect. */
import type { Pod } from 'kubernetes-types/core/v1.js';
import { entriesOf, isEntry, keyOf, PROXY_CONFIG, proxyConfigOf, TRAFFIC_ANNOTATIONS, TRAFFIC_PREFIX } from '../api/index.ts';
import { hasProxy } from './endpoints.ts';
import type { Problem } from './problem.ts';
import { workloadName } from './workload.ts';

/** Settings of `proxy.istio.io/config` that are heeded. */
const HEEDED: ReadonlySet<string> = new Set(['concurrency', 'holdApplicationUntilProxyStarts', 'proxyMetadata']);

type Finding = readonly [code: string, severity: Problem['severity'], name: string, message: string, fix: string];

/** Once for each workload: its pods say the same. */
export function podAnnotations(pods: Iterable<Pod>): Problem[] {
  const seen = new Set<string>();
  return [...pods].flatMap((pod) => {
    const workload = `${pod.metadata?.namespace}/${workloadName(pod)}`;
    if (!hasProxy(pod) || seen.has(workload)) return [];
    seen.add(workload);
    const object = { kind: 'Pod', ...keyOf(pod) };
    return [...ofTraffic(pod), ...ofProxy(pod)].map(([code, severity, name, message, fix]): Problem => ({
      object,
      code,
      severity,
      path: `metadata.annotations["${name}"]`,
      message,
      fix,
    }));
  });
}

function ofTraffic({ metadata }: Pod): Finding[] {
  return Object.entries(metadata?.annotations ?? {}).flatMap(([name, value]): Finding[] => {
    if (!name.startsWith(TRAFFIC_PREFIX)) return [];
    const kind = TRAFFIC_ANNOTATIONS[name.slice(TRAFFIC_PREFIX.length)];
    if (!kind) return [['IST0108', 'warning', name, 'it has no effect here.', `Use ${Object.keys(TRAFFIC_ANNOTATIONS).join(', ')}.`]];
    const odd = entriesOf(value).filter((e) => !isEntry(kind, e));
    if (!odd.length) return [];
    const what = kind === 'ports' ? 'a port from 1 to 65535' : 'an IPv4 address or block, as in 10.0.0.0/8';
    return [['IST0125', 'warning', name, `${odd.join(', ')} is not ${what}, and is left out.`, 'Correct it.']];
  });
}

function ofProxy({ metadata }: Pod): Finding[] {
  const config = proxyConfigOf(metadata?.annotations);
  if (!config) return [['IST0125', 'warning', PROXY_CONFIG, 'it is no YAML map, and nothing of it is read.', 'Correct it.']];
  const idle = Object.keys(config).filter((k) => !HEEDED.has(k));
  return idle.length ? [['SLU0010', 'warning', PROXY_CONFIG, `${idle.join(', ')}: no effect here.`, 'Leave it out.']] : [];
}
