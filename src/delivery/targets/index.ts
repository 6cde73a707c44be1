import { daemonSets } from './daemonset.ts';
import { deployments } from './deployment.ts';
import { services } from './service.ts';
import type { TargetKind } from './target.ts';

const KINDS: Readonly<Record<string, unknown>> = { Deployment: deployments, DaemonSet: daemonSets, Service: services };

/** The kind of a target by its name; undefined when it is none that can be released. */
export function targetKindOf(kind: string): TargetKind | undefined {
  return KINDS[kind] as TargetKind | undefined;
}

export const TARGET_KINDS: readonly string[] = Object.keys(KINDS);
