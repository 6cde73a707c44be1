/** What golden cases have in common: the objects they start from, and what becomes of objects for one proxy. */
import { join } from 'node:path';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { KubeObject } from '../api/index.ts';
import type { Rng } from '../base/index.ts';
import {
  defaultMeshConfig,
  proxyOf,
  snapshotOf,
  type KeySet,
  type MeshConfig,
  type ObjectStatus,
  type Problem,
  type Proxy,
} from '../mesh/index.ts';
import { caseFiles, readYaml } from './case-files.edge.ts';
import type { EnvoyResource, ProxyResources } from './resource.ts';
import { createTranslator } from './translator.ts';

/** What holds around the objects of a case. */
export interface Setting {
  /** `namespace/name` of the pod whose proxy is looked at. */
  readonly proxy: string;
  readonly mesh?: Partial<MeshConfig>;
  /** What came of fetching keys, by URL. */
  readonly keys?: Readonly<Record<string, KeySet>>;
}

/** A case of `golden/`: objects in, whole resources out. */
export interface GoldenCase extends Setting {
  readonly file: string;
  readonly case: string;
  readonly base: readonly string[];
  /** `<kind> <name>`, and for route tables the virtual host after it. */
  readonly show: readonly string[];
  /** Show the access loggers in full; elsewhere they would hide what matters. */
  readonly metrics?: boolean;
  readonly objects: readonly KubeObject[];
  /** Of the objects, those that are not of the base. */
  readonly own: readonly KubeObject[];
}

/** What becomes of the objects: for the proxy, and for who wrote them. */
export interface Translation {
  readonly proxy: Proxy;
  readonly resources: ProxyResources;
  readonly problems: readonly Problem[];
  readonly statuses: readonly ObjectStatus[];
}

export const GOLDEN_DIR = join(import.meta.dirname, 'golden');

export function goldenCases(): GoldenCase[] {
  return caseFiles(GOLDEN_DIR).map((file) => {
    const [header, ...own] = readYaml(join(GOLDEN_DIR, `${file}.yaml`)) as [Omit<GoldenCase, 'file' | 'objects' | 'own'>, ...KubeObject[]];
    return { ...header, file, own, objects: [...baseObjects(header.base), ...own] };
  });
}

/** Objects that many cases start from. */
export function baseObjects(names: readonly string[] = []): KubeObject[] {
  return names.flatMap((b) => readYaml(join(GOLDEN_DIR, 'base', `${b}.yaml`)) as KubeObject[]);
}

/** `asked`: the hosts that the proxy has asked for, where it is not told of all. */
export function translate(setting: Setting, objects: readonly KubeObject[], asked?: ReadonlySet<string>): Translation {
  const translator = createTranslator({ onDemandAbove: asked ? -1 : Infinity });
  const found = translator.update({
    ...snapshotOf(objects, { ...defaultMeshConfig, ...setting.mesh }),
    keySets: new Map(Object.entries(setting.keys ?? {})),
  });
  const pod = objects.find((o) => o.kind === 'Pod' && `${o.metadata?.namespace}/${o.metadata?.name}` === setting.proxy) as Pod | undefined;
  const proxy = pod && proxyOf(pod);
  if (!proxy) throw new Error(`there is no proxy in pod ${setting.proxy}`);
  const resources = translator.resources(proxy, asked);
  return { proxy, resources, problems: [...found, ...translator.patchProblems()], statuses: translator.statuses() };
}

const KINDS = { listeners: 'listener', routes: 'route table', clusters: 'cluster', endpoints: 'endpoints', virtualHosts: 'virtual host' };

/** All that a proxy holds, by kind and name. */
export function byName(resources: ProxyResources): ReadonlyMap<string, EnvoyResource> {
  return new Map(
    (Object.keys(KINDS) as (keyof ProxyResources)[]).flatMap((kind) =>
      [...resources[kind]].map(([name, r]) => [`${KINDS[kind]} ${name}`, r] as const),
    ),
  );
}

/** Of each resource the version: equal ones mean equal resources. */
export function versionsOf(resources: ProxyResources): Readonly<Record<string, string>> {
  return Object.fromEntries([...byName(resources)].map(([name, r]) => [name, r.version]));
}

export function shuffled<T>(list: readonly T[], rng: Rng): T[] {
  return list
    .map((value) => ({ value, at: rng.next() }))
    .sort((a, b) => a.at - b.at)
    .map((e) => e.value);
}

/** Access loggers are of every listener, and would hide what a case is about. */
export function withoutLoggers(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (k, v: unknown) => (k === 'access_log' || k === 'access_log_options' ? undefined : v)));
}
