import type { ControllerRevision } from 'kubernetes-types/apps/v1.js';
import type { PodTemplateSpec } from 'kubernetes-types/core/v1.js';
import { ControllerRevisions, isApiError, keyOf, keyText, type KubeObject, type Resource } from '../api/index.ts';
import { canonicalJson } from '../base/index.ts';
import { changesOf, controllerOf, controllerReference, type Client, type Informer, type Source } from '../control/index.ts';
import { byName, templateHash } from './pods.ts';

/** What StatefulSets and DaemonSets have in common. */
export interface TemplateOwner extends KubeObject {
  readonly spec?: { readonly template?: PodTemplateSpec; readonly revisionHistoryLimit?: number };
}

/** What is to be done to the revisions of a set so that they tell its history. */
export interface HistoryPlan {
  readonly create: ControllerRevision | undefined;
  /** An old template is the present one again: its revision with a new number. */
  readonly renumber: ControllerRevision | undefined;
  readonly remove: readonly ControllerRevision[];
}

/** The name of the revision that a set's template is. */
export function revisionName(owner: TemplateOwner): string {
  return `${owner.metadata?.name}-${templateHash(owner.spec?.template)}`;
}

/** What `kubectl rollout undo` sends as a patch to bring the template back. */
const dataOf = (template: PodTemplateSpec | undefined): object => ({ spec: { template: { ...template, $patch: 'replace' } } });

interface RevisionData {
  readonly spec?: { readonly template?: PodTemplateSpec & { $patch?: string } };
}

/** The template of a revision. */
export function templateOf(revision: ControllerRevision | undefined): PodTemplateSpec | undefined {
  const data: RevisionData = revision?.data ?? {};
  const { template } = data.spec ?? {};
  if (!template) return undefined;
  const { $patch: _patch, ...rest } = template;
  return rest;
}

/** `revisions` are the set's own; those named in `inUse` stay. `hashLabel` is where the set's kind puts the hash. */
export function decideHistory(
  resource: Resource,
  owner: TemplateOwner,
  revisions: readonly ControllerRevision[],
  inUse: ReadonlySet<string>,
  hashLabel: string,
): HistoryPlan {
  const sorted = [...revisions].sort((a, b) => a.revision - b.revision || byName(a, b));
  const data = dataOf(owner.spec?.template);
  const text = canonicalJson(data);
  const same = sorted.findLast((r) => canonicalJson(r.data) === text);
  const last = sorted.at(-1);
  const next = (last?.revision ?? 0) + 1;
  const spare = sorted.filter((r) => r !== same && !inUse.has(r.metadata?.name ?? ''));
  const remove = spare.slice(0, Math.max(0, spare.length - (owner.spec?.revisionHistoryLimit ?? 10)));
  if (same) return { create: undefined, renumber: same === last ? undefined : { ...same, revision: next }, remove };
  const { namespace, annotations } = owner.metadata ?? {};
  const template = owner.spec?.template;
  return {
    create: {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        name: revisionName(owner),
        ...(namespace ? { namespace } : {}),
        labels: { ...template?.metadata?.labels, [hashLabel]: templateHash(template) },
        ...(annotations ? { annotations } : {}),
        ownerReferences: [controllerReference(resource, owner)],
      },
      data,
      revision: next,
    },
    renumber: undefined,
    remove,
  };
}

export interface History {
  /** Asks for the owners of revisions that change. */
  readonly source: Source;
  /** The revision of a set by its name. */
  find(owner: TemplateOwner, name: string): ControllerRevision | undefined;
  /** Writes the plan down. */
  keep(owner: TemplateOwner, inUse: Iterable<string>): Promise<void>;
}

/** The history of the sets of one kind, in ControllerRevisions. */
export function historyOf(client: Client, revisions: Informer<ControllerRevision>, resource: Resource, hashLabel: string): History {
  const byController = revisions.index('controller', (r) => [controllerOf(r)?.uid ?? '']);
  return {
    source: changesOf(revisions, (revision) => {
      const owner = controllerOf(revision);
      return owner?.kind === resource.kind ? [keyText({ namespace: revision.metadata?.namespace, name: owner.name })] : [];
    }),
    find: (owner, name) => byController(owner.metadata?.uid ?? '').find((r) => r.metadata?.name === name),
    async keep(owner, inUse) {
      if (owner.metadata?.deletionTimestamp) return;
      const plan = decideHistory(resource, owner, byController(owner.metadata?.uid ?? ''), new Set(inUse), hashLabel);
      if (plan.create) {
        await client.create(ControllerRevisions, plan.create).catch((error: unknown) => {
          if (!isApiError(error, 'AlreadyExists')) throw error;
        });
      }
      if (plan.renumber) await client.update(ControllerRevisions, plan.renumber);
      for (const revision of plan.remove) await client.delete(ControllerRevisions, keyOf(revision));
    },
  };
}
