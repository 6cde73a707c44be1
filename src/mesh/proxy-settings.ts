/** What a pod's proxy is started with: the mesh's word, then ProxyConfigs from the widest to the narrowest, then the pod's own. */
import type { Pod } from 'kubernetes-types/core/v1.js';
import { proxyConfigOf, type ProxyConfig } from '../api/index.ts';
import { selects } from './workload.ts';

export interface ProxySettings {
  /** Threads, one unless given; 0 for one a processor. */
  readonly concurrency?: number;
  /** Variables of its environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Whose word holds besides the pod's. */
export interface ProxySources {
  readonly rootNamespace: string;
  /** Of the mesh's configuration, for every proxy. */
  readonly defaults: ProxySettings;
  /** Oldest first. */
  readonly configs: readonly ProxyConfig[];
}

export const NO_SETTINGS: ProxySettings = { environment: {} };
/** More threads than this nobody has use for. */
const MOST_THREADS = 128;

export const isThreads = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MOST_THREADS;
export const isVariable = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);

/** As written in `defaultConfig` of the mesh and in a pod's annotation; what cannot be used is left out. */
export function settingsIn(written: Readonly<Record<string, unknown>>): ProxySettings {
  const { concurrency, proxyMetadata } = written;
  return settingsOf(concurrency, proxyMetadata);
}

function settingsOf(concurrency: unknown, variables: unknown): ProxySettings {
  const all = typeof variables === 'object' && variables !== null ? Object.entries(variables) : [];
  const known = all.flatMap(([name, value]): [string, string][] =>
    isVariable(name) && ['string', 'number', 'boolean'].includes(typeof value) ? [[name, String(value)]] : [],
  );
  return { ...(isThreads(concurrency) ? { concurrency } : {}), environment: Object.fromEntries(known) };
}

/** Of the ProxyConfigs of a place the oldest that fits; what a narrower one does not say is as the wider ones say it. */
export function proxySettings({ metadata }: Pod, namespace: string, { rootNamespace, defaults, configs }: ProxySources): ProxySettings {
  const isWide = (c: ProxyConfig): boolean => !Object.keys(c.spec?.selector?.matchLabels ?? {}).length;
  const first = (where: string, fits: (c: ProxyConfig) => boolean): ProxySettings[] => {
    const found = configs.find((c) => c.metadata?.namespace === where && fits(c));
    return found ? [settingsOf(found.spec?.concurrency, found.spec?.environmentVariables)] : [];
  };
  const levels = [
    defaults,
    ...first(rootNamespace, isWide),
    ...(namespace === rootNamespace ? [] : first(namespace, isWide)),
    ...first(namespace, (c) => !isWide(c) && selects(c.spec?.selector?.matchLabels, metadata?.labels ?? {})),
    settingsIn(proxyConfigOf(metadata?.annotations) ?? {}),
  ];
  const threads = levels.findLast((l) => l.concurrency !== undefined)?.concurrency;
  return {
    ...(threads === undefined ? {} : { concurrency: threads }),
    environment: Object.assign({}, ...levels.map((l) => l.environment)) as Record<string, string>,
  };
}

/** The variable of the proxy's container that says how it is to be started, as JSON. */
const STARTED_WITH = 'PROXY_CONFIG';

export function settingsEnv({ concurrency, environment }: ProxySettings): { name: string; value: string }[] {
  return [
    ...Object.entries(environment).map(([name, value]) => ({ name, value })),
    ...(concurrency === undefined ? [] : [{ name: STARTED_WITH, value: JSON.stringify({ concurrency }) }]),
  ];
}

/** The threads that a proxy's container asks for; undefined for as many as there are processors. */
export function threadsOf(env: readonly { name: string; value?: string }[] = []): number | undefined {
  const text = env.find((e) => e.name === STARTED_WITH)?.value;
  if (!text) return 1;
  try {
    const { concurrency } = JSON.parse(text) as { concurrency?: unknown };
    return isThreads(concurrency) ? concurrency || undefined : 1;
  } catch {
    return 1;
  }
}
