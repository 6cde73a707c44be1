/** Under which name and labels a series is kept that a target brings. Pure. */
import { METRIC_NAME, type Labels } from '../promql/index.ts';
import { parseSeriesName } from './exposition.ts';

export interface Kept {
  readonly labels: Labels;
  /** Its values are multiplied by this. */
  readonly scale: number;
}

/** What gateways count as NGINX' ingress controller does. */
const NGINX = /^envoy_(nginx_ingress_controller_\w+)$/;
/** Envoy's histograms know no fractions. */
const MICROSECONDS = /^(\w+_duration)_microseconds(_bucket|_sum|_count)$/;
const MICRO = 1e-6;

/** `series` as it stands in the text format; undefined when it is malformed. `own` are the labels of the target. */
export function keptAs(series: string, own: Labels): Kept | undefined {
  const parsed = parseSeriesName(series);
  if (!parsed) return undefined;
  const [, ingress] = NGINX.exec(parsed.name) ?? [];
  if (ingress) return ofNginx(ingress, parsed.labels, own);
  const labels: Record<string, string> = { [METRIC_NAME]: parsed.name.replace(/^envoy_(?=istio_)/, '') };
  for (const [name, value] of Object.entries(parsed.labels)) if (value !== '') labels[name in own ? `exported_${name}` : name] = value;
  return { labels: { ...labels, ...own }, scale: 1 };
}

/** The namespace is the Ingress', also by the name that it has where labels of the target win. */
function ofNginx(name: string, brought: Labels, own: Labels): Kept {
  const [, duration, part] = MICROSECONDS.exec(name) ?? [];
  const { namespace = '', le, ...more } = brought;
  const labels: Record<string, string> = { [METRIC_NAME]: duration ? `${duration}_seconds${part}` : name };
  const all: Labels = {
    ...more,
    namespace,
    exported_namespace: namespace,
    controller_class: 'k8s.io/ingress-nginx',
    controller_namespace: own['namespace'] ?? '',
    controller_pod: own['pod'] ?? '',
    le: le === undefined || le === '+Inf' ? (le ?? '') : String(Number(le) / 1e6),
  };
  for (const [label, value] of Object.entries(all)) if (value !== '') labels[label] = value;
  return { labels, scale: part === '_sum' ? MICRO : 1 };
}
