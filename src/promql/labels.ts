/** The labels of a series, the metric's name among them as `__name__`. Never changed once made; an empty value means that there is no such label. */
export type Labels = Readonly<Record<string, string>>;

export const METRIC_NAME = '__name__';

const keys = new WeakMap<Labels, string>();

/** Equal labels give equal text. */
export function labelKey(labels: Labels): string {
  let key = keys.get(labels);
  if (key === undefined) {
    key = '';
    for (const name of Object.keys(labels).sort()) key += `${name}\xff${labels[name]}\xff`;
    keys.set(labels, key);
  }
  return key;
}

/** Only the labels named. */
export function keepLabels(labels: Labels, names: readonly string[]): Labels {
  const out: Record<string, string> = {};
  for (const name of names) {
    const value = labels[name];
    if (value) out[name] = value;
  }
  return out;
}

/** All labels but those named. */
export function dropLabels(labels: Labels, names: readonly string[]): Labels {
  const out: Record<string, string> = {};
  for (const name in labels) if (!names.includes(name)) out[name] = labels[name]!;
  return out;
}

const bare = new WeakMap<Labels, Labels>();

/** Without the metric's name: what an operation leaves, because its result is no longer that metric. */
export function dropName(labels: Labels): Labels {
  if (!(METRIC_NAME in labels)) return labels;
  let out = bare.get(labels);
  if (!out) bare.set(labels, (out = dropLabels(labels, [METRIC_NAME])));
  return out;
}

/** As Prometheus prints them: `name{a="b"}`. */
export function formatLabels(labels: Labels): string {
  const rest = Object.keys(labels)
    .filter((n) => n !== METRIC_NAME)
    .sort()
    .map((n) => `${n}=${JSON.stringify(labels[n])}`);
  const name = labels[METRIC_NAME] ?? '';
  return rest.length > 0 || name === '' ? `${name}{${rest.join(', ')}}` : name;
}
