import { humanDuration } from '../../base/index.ts';
import type { Column } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { labelSelectorOf, labelSelectorText, type LabelSelectorObject } from '../selector.ts';

type Cell = string | number | boolean | null;

/** The column kubectl takes the name from. */
export const nameColumn: Column<KubeObject> = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'The name, unique in the namespace.',
  priority: 0,
  value: (o) => o.metadata?.name ?? '',
};

/** Time since the object was created. */
export const ageColumn: Column<KubeObject> = {
  name: 'Age',
  type: 'string',
  description: 'Time since the object was created.',
  priority: 0,
  value: (o, now) => age(o.metadata?.creationTimestamp, now),
};

/** A column that is always shown. */
export function column<T>(name: string, value: (object: T, now: number) => Cell, type: Column['type'] = 'string'): Column<T> {
  return { name, type, priority: 0, value };
}

/** A column shown with `-o wide`. */
export function wide<T>(name: string, value: (object: T, now: number) => Cell, type: Column['type'] = 'string'): Column<T> {
  return { name, type, priority: 1, value };
}

/** Time since an RFC 3339 stamp, as kubectl prints ages. */
export function age(stamp: string | undefined, now: number): string {
  const then = stamp ? Date.parse(stamp) : NaN;
  return Number.isNaN(then) ? '<unknown>' : humanDuration(now - then);
}

/** `a=1,b=2`, or `<none>`. */
export function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  return (
    Object.keys(labels ?? {})
      .sort()
      .map((k) => `${k}=${labels![k]}`)
      .join(',') || '<none>'
  );
}

/** A label selector as it is written on the command line, or `<none>`. */
export function selectorText(selector: LabelSelectorObject | undefined): string {
  return labelSelectorText(labelSelectorOf(selector)) || '<none>';
}

interface Images {
  containers?: { name: string; image?: string }[];
}

/** Names of the containers of a pod template. */
export const containersText = (pod: Images | undefined): string => (pod?.containers ?? []).map((c) => c.name).join(',');

/** Images of the containers of a pod template. */
export const imagesText = (pod: Images | undefined): string => (pod?.containers ?? []).map((c) => c.image ?? '').join(',');

interface Scale extends KubeObject {
  readonly spec: { readonly replicas: number };
  readonly status: { readonly replicas: number };
}

/** Of a Scale, whatever it is of. */
export const scaleColumns = [
  nameColumn,
  column<Scale>('Desired', (o) => o.spec.replicas, 'integer'),
  column<Scale>('Available', (o) => o.status.replicas, 'integer'),
  ageColumn,
] as unknown as readonly Column[];

/** How many of several values a cell shows. */
const SHOWN = 3;

/** The first values of several, and how many more there are. */
export function few(values: readonly string[], none: string): string {
  if (!values.length) return none;
  return values.slice(0, SHOWN).join(',') + (values.length > SHOWN ? ` + ${values.length - SHOWN} more...` : '');
}
