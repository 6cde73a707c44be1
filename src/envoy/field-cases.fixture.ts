/**
 * Cases of `fields/`: each lays a few fields over objects that are there already, and shows what that changes.
 *
 * A file is a stream of documents: first what all of its cases start from, then groups of cases. A group lays over one object of
 * these (`over: VirtualService reviews`, below the path `at`) or, without `over`, adds objects. `null` takes a field away.
 */
import { join } from 'node:path';
import type { KubeObject } from '../api/index.ts';
import { caseFiles, readYaml } from './case-files.edge.ts';
import { baseObjects, byName, translate, withoutLoggers, type Setting, type Translation } from './golden.fixture.ts';
import { decode } from './encode.ts';
import type { EnvoyResource } from './resource.ts';
import { problemText } from '../mesh/index.ts';

export const FIELDS_DIR = join(import.meta.dirname, 'fields');

interface Header extends Setting {
  readonly about: string;
  readonly base?: readonly string[];
  /** Show access loggers, too, which are of every listener. */
  readonly loggers?: boolean;
  readonly objects?: readonly KubeObject[];
}

interface Group extends Partial<Setting> {
  /** `<kind> <name>`, of an object that the cases change. */
  readonly over?: string;
  /** Where in it: `spec.http.0`. */
  readonly at?: string;
  /** More objects to start from, in place of those with their names. */
  readonly with?: readonly KubeObject[];
  /** How the names of resources begin that are shown; all when absent. */
  readonly show?: readonly string[];
  readonly cases: Readonly<Record<string, unknown>>;
}

export interface FieldCase {
  readonly file: string;
  readonly name: string;
  readonly setting: Setting;
  readonly show?: readonly string[];
  readonly loggers: boolean;
  readonly before: readonly KubeObject[];
  readonly after: readonly KubeObject[];
  /** Of the objects after, those that are not of the base. */
  readonly own: readonly KubeObject[];
}

/** The cases of all files. */
export function allFieldCases(): FieldCase[] {
  return caseFiles(FIELDS_DIR).flatMap(fieldCases);
}

export function fieldCases(file: string): FieldCase[] {
  const [{ about: _about, base, loggers = false, objects = [], ...setting }, ...groups] = readYaml(join(FIELDS_DIR, `${file}.yaml`)) as [
    Header,
    ...Group[],
  ];
  const common = baseObjects(base);
  return groups.flatMap(({ over, at = '', with: more = [], show, cases, ...own }) =>
    Object.entries(cases).map(([name, said]): FieldCase => {
      const start = added(objects, more);
      const end = over ? start.map((o) => (nameOf(o) === over ? laidOver(o, below(at, said)) : o)) : added(start, said as KubeObject[]);
      if (over && !start.some((o) => nameOf(o) === over)) throw new Error(`${file}: there is no ${over}`);
      return {
        file,
        name,
        setting: { ...setting, ...own },
        ...(show ? { show } : {}),
        loggers,
        before: [...common, ...start],
        after: [...common, ...(end as KubeObject[])],
        own: end as KubeObject[],
      };
    }),
  );
}

const nameOf = (o: KubeObject): string => `${o.kind} ${o.metadata?.name}`;
const keyOf = (o: KubeObject): string => `${o.apiVersion} ${nameOf(o)} ${o.metadata?.namespace}`;

/** Objects of the same kind and name take the place of those that were there. */
function added(start: readonly KubeObject[], more: readonly KubeObject[]): KubeObject[] {
  const keys = new Set(more.map(keyOf));
  return [...start.filter((o) => !keys.has(keyOf(o))), ...more];
}

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function below(path: string, value: unknown): unknown {
  return path
    .split('.')
    .filter(Boolean)
    .reduceRight((inner, key) => ({ [key]: inner }), value);
}

/** Maps are merged, also into one item of a list; everything else is replaced. */
function laidOver(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch;
  if (Array.isArray(target)) return target.map((item, i) => (String(i) in patch ? laidOver(item, patch[i]) : item));
  const out: Record<string, unknown> = isMap(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key];
    else out[key] = laidOver(out[key], value);
  }
  return out;
}

/** By resource, what the case changes: paths with what stands there then, `null` where nothing does. */
export function effectOf(c: FieldCase): Record<string, unknown> {
  const [before, after] = [c.before, c.after].map((objects) => translate(c.setting, objects)) as [Translation, Translation];
  const [old, now] = [byName(before.resources), byName(after.resources)];
  const effect: Record<string, unknown> = {};
  const told = (t: Translation): string[] => t.problems.map(problemText);
  const problems = told(after).filter((p) => !told(before).includes(p));
  if (problems.length) effect['problems'] = problems;
  const json = (r: EnvoyResource): unknown => {
    const whole = decode(r.typeUrl, r.bytes);
    return c.loggers ? whole : withoutLoggers(whole);
  };
  for (const name of [...new Set([...old.keys(), ...now.keys()])].sort()) {
    const [was, is] = [old.get(name), now.get(name)];
    if (was?.version === is?.version || (c.show && !c.show.some((s) => name.startsWith(s)))) continue;
    effect[name] = !is ? null : was ? alike(difference(json(was), json(is))) : likeOther(is, old, json);
  }
  const [saidBefore, saidNow] = [before, after].map(
    (t) => new Map(t.statuses.map((s) => [`status of ${s.object.kind} ${s.object.namespace ?? ''}/${s.object.name}`, s])),
  );
  for (const [name, status] of saidNow!) {
    const changes = difference(saidBefore!.get(name), status);
    if (Object.keys(changes).length) effect[name] = changes;
  }
  return effect;
}

/** What is new: as another of its kind was, but for some paths; or in full, where that is shorter. */
function likeOther(is: EnvoyResource, old: ReadonlyMap<string, EnvoyResource>, json: (r: EnvoyResource) => unknown): unknown {
  const whole = json(is);
  let best = whole;
  for (const [name, other] of old) {
    if (other.typeUrl !== is.typeUrl) continue;
    const changes = { as: name, ...alike(difference(json(other), whole)) };
    if (JSON.stringify(changes).length < JSON.stringify(best).length) best = changes;
  }
  return best;
}

/** Paths at which the two differ, with what is there in the second: `virtual_hosts[reviews:80].routes[0].route.timeout`. */
function difference(was: unknown, is: unknown, path = ''): Record<string, unknown> {
  if (same(was, is)) return {};
  if (isMap(was) && isMap(is)) {
    const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])];
    return merged(keys.map((k) => difference(was[k], is[k], path ? `${path}.${k}` : k)));
  }
  if (!Array.isArray(was) || !Array.isArray(is)) return { [path]: is ?? null };
  const byLabel = labelled(was, is, path);
  if (byLabel) return byLabel;
  const short = Math.min(was.length, is.length);
  let [start, ends] = [0, 0];
  while (start < short && same(was[start], is[start])) start++;
  while (ends < short - start && same(was.at(-1 - ends), is.at(-1 - ends))) ends++;
  const come: unknown[] = is.slice(start, is.length - ends);
  if (was.length === is.length)
    return merged(come.map((item, i) => difference(was[start + i], item, `${path}[${labelOf(item) ?? start + i}]`)));
  const gone = was.length - start - ends;
  if (!come.length) return { [`${path}[${start}${gone > 1 ? `-${start + gone - 1}` : ''}]`]: null };
  return { [`${path}[${start}${come.length > 1 ? `-${start + come.length - 1}` : ''}]`]: come.length > 1 ? come : come[0] };
}

/** Of lists whose items have names, those that come, go or change; undefined where items have none, or change places. */
function labelled(was: readonly unknown[], is: readonly unknown[], path: string): Record<string, unknown> | undefined {
  const [before, after] = [was, is].map((list) => new Map(list.map((item) => [labelOf(item), item])));
  if ([before, after].some((all) => all!.has(undefined)) || before!.size < was.length || after!.size < is.length) return undefined;
  const common = (one: typeof before, other: typeof before): string => [...one!.keys()].filter((label) => other!.has(label)).join('\n');
  if (!common(before, after) || common(before, after) !== common(after, before)) return undefined;
  const labels = new Set([...before!.keys(), ...after!.keys()]);
  return merged([...labels].map((label) => difference(before!.get(label), after!.get(label), `${path}[${label}]`)));
}

/** The changes, each list or map of them once. */
function alike(changes: Record<string, unknown>): Record<string, unknown> {
  const byValue = Map.groupBy(Object.entries(changes), ([path, value]) =>
    typeof value === 'object' && value ? JSON.stringify(value) : path,
  );
  return Object.fromEntries(
    [...byValue.values()].map((all) => {
      const [path, value] = all[0]!;
      return [all.length > 1 ? `${path} and ${all.length - 1} alike` : path, value];
    }),
  );
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const merged = (parts: readonly Record<string, unknown>[]): Record<string, unknown> =>
  Object.assign({}, ...parts) as Record<string, unknown>;
const labelOf = (item: unknown): string | undefined => (isMap(item) && typeof item['name'] === 'string' ? item['name'] : undefined);
