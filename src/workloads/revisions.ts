import type { Deployment, ReplicaSet } from 'kubernetes-types/apps/v1.js';
import type { PodTemplateSpec } from 'kubernetes-types/core/v1.js';
import { canonicalJson } from '../base/index.ts';
import { controllerReference } from '../control/index.ts';
import { Deployments } from '../api/index.ts';
import { annotation, numberAnnotation } from './labels.ts';
import { byAge, templateHash } from './pods.ts';

export const REVISION = 'deployment.kubernetes.io/revision';
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';
const HASH_LABEL = 'pod-template-hash';

/** Annotations of a deployment that say something of it alone and are not handed down to its replica sets. */
const OWN_ANNOTATIONS = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
]);

/** The oldest set that has the deployment's template, hash label aside. */
export function findNewSet(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const wanted = templateText(deployment.spec?.template);
  return [...sets].sort(byAge).find((s) => templateText(s.spec?.template) === wanted);
}

function templateText(template: PodTemplateSpec | undefined): string {
  const { [HASH_LABEL]: _hash, ...labels } = template?.metadata?.labels ?? {};
  return canonicalJson({ ...template, metadata: { ...template?.metadata, labels } });
}

export function revisionOf(set: ReplicaSet): number {
  return numberAnnotation(set, REVISION) ?? 0;
}

/** The revision the new set must carry: its own when it is the highest, else one above all others. */
export function revisionFor(newSet: ReplicaSet | undefined, oldSets: readonly ReplicaSet[]): number {
  const highest = Math.max(0, ...oldSets.map(revisionOf));
  return newSet && revisionOf(newSet) > highest ? revisionOf(newSet) : highest + 1;
}

/** The set with the deployment's annotations and this revision; a revision it had before goes to its history. */
export function withRevision(deployment: Deployment, set: ReplicaSet, revision: number): ReplicaSet {
  const handedDown = Object.entries(deployment.metadata?.annotations ?? {}).filter(([name]) => !OWN_ANNOTATIONS.has(name));
  const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
  const before = annotation(set, REVISION);
  const moved = before !== undefined && before !== String(revision);
  const history = [annotation(set, REVISION_HISTORY), ...(moved ? [before] : [])].filter((h) => h);
  return {
    ...set,
    metadata: {
      ...set.metadata,
      annotations: {
        ...set.metadata?.annotations,
        ...Object.fromEntries(handedDown),
        [REVISION]: String(revision),
        ...(history.length > 0 ? { [REVISION_HISTORY]: history.join(',') } : {}),
      },
    },
    spec: minReadySeconds === (set.spec?.minReadySeconds ?? 0) ? set.spec! : { ...set.spec!, minReadySeconds },
  };
}

/** The set sized, with what it was sized for noted on it. */
export function withSize(set: ReplicaSet, size: number, replicas: number, surge: number): ReplicaSet {
  const annotations = { ...set.metadata?.annotations, [DESIRED_REPLICAS]: String(replicas), [MAX_REPLICAS]: String(replicas + surge) };
  return { ...set, metadata: { ...set.metadata, annotations }, spec: { ...set.spec!, replicas: size } };
}

/** A set for the deployment's present template, of size 0. */
export function newReplicaSet(deployment: Deployment): ReplicaSet {
  const template = deployment.spec?.template;
  const hash = templateHash(template, deployment.status?.collisionCount);
  const labels = { ...template?.metadata?.labels, [HASH_LABEL]: hash };
  const selector = deployment.spec?.selector;
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${deployment.metadata?.name}-${hash}`,
      namespace: deployment.metadata?.namespace ?? 'default',
      labels,
      ownerReferences: [controllerReference(Deployments, deployment)],
    },
    spec: {
      replicas: 0,
      selector: { ...selector, matchLabels: { ...selector?.matchLabels, [HASH_LABEL]: hash } },
      template: { ...template, metadata: { ...template?.metadata, labels } },
    },
  };
}
