import type { AnyObject, KindDef, ObjectMeta, StatusCause } from '../api/index.ts';
import { rfc3339, uuid, type Clock, type Rng } from '../base/index.ts';
import { copy, equal } from './json.ts';

/** Metadata as the server writes it. */
export type Meta = { -readonly [K in keyof ObjectMeta]: ObjectMeta[K] };

/** An object that is being made: not frozen, and nobody else's. */
export type Draft = Omit<AnyObject, 'metadata'> & { metadata: Meta; spec?: Record<string, unknown>; status?: Record<string, unknown> };

const is = (def: KindDef, group: string, plural: string): boolean => def.resource.group === group && def.resource.plural === plural;

export const isPods = (def: KindDef): boolean => is(def, '', 'pods');
export const isNamespaces = (def: KindDef): boolean => is(def, '', 'namespaces');
export const isEvents = (def: KindDef): boolean => is(def, '', 'events');
export const isServices = (def: KindDef): boolean => is(def, '', 'services');
export const isCrds = (def: KindDef): boolean => is(def, 'apiextensions.k8s.io', 'customresourcedefinitions');

/** Kinds whose status may be written when they are created: what reports itself. */
const SELF_REPORTING: ReadonlySet<string> = new Set(['/nodes']);

/** Built-in kinds that have a status, or a spec, and yet no generation. */
const NO_GENERATION: ReadonlySet<string> = new Set([
  'certificates.k8s.io/certificatesigningrequests',
  '/namespaces',
  '/nodes',
  '/services',
  '/persistentvolumeclaims',
  '/persistentvolumes',
  '/resourcequotas',
  'apiregistration.k8s.io/apiservices',
  'certificates.k8s.io/certificatesigningrequests',
  'networking.k8s.io/servicecidrs',
  'storage.k8s.io/volumeattachments',
  'autoscaling/horizontalpodautoscalers',
]);
const GENERATION_WITHOUT_STATUS: ReadonlySet<string> = new Set([
  'admissionregistration.k8s.io/mutatingwebhookconfigurations',
  'admissionregistration.k8s.io/validatingadmissionpolicybindings',
  'admissionregistration.k8s.io/validatingwebhookconfigurations',
  '/podtemplates',
  'discovery.k8s.io/endpointslices',
  'networking.k8s.io/ingressclasses',
  'networking.k8s.io/networkpolicies',
  'scheduling.k8s.io/priorityclasses',
]);

const idOf = ({ resource }: KindDef): string => `${resource.group}/${resource.plural}`;

/** Kinds whose generation does not count. */
const FIRST_GENERATION: ReadonlySet<string> = new Set(['scheduling.k8s.io/priorityclasses']);

function hasGeneration(def: KindDef): boolean {
  return def.custom || GENERATION_WITHOUT_STATUS.has(idOf(def)) || (def.status && !NO_GENERATION.has(idOf(def)));
}

/** Gives a new object its identity, in place. The name and namespace are set already. */
export function beginLife(def: KindDef, draft: Draft, clock: Clock, rng: Rng): void {
  const { metadata } = draft;
  metadata.uid = uuid(rng);
  metadata.creationTimestamp = rfc3339(clock.now());
  delete metadata.resourceVersion;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
  if (hasGeneration(def)) metadata.generation = 1;
  else delete metadata.generation;
  if (def.status && !SELF_REPORTING.has(idOf(def))) delete draft.status;
}

/** Fields of metadata that only the server writes. */
const OWNED = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'generation',
  'resourceVersion',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
] as const;

/** What a write may change of an object: the spec's writers not the status, the status' writers only that, and nobody the identity. */
export function carryOver(def: KindDef, subresource: string | undefined, current: AnyObject, draft: Draft): Draft {
  if (subresource === 'status' || subresource === 'approval') {
    const next = { ...(current as Draft), metadata: { ...(current.metadata as Meta) } };
    if (draft.status === undefined) delete next.status;
    else next.status = draft.status;
    return next;
  }
  if (subresource === 'finalize') {
    const spec = { ...(current as Draft).spec, finalizers: (draft.spec?.['finalizers'] as unknown[] | undefined) ?? [] };
    return { ...(current as Draft), metadata: { ...(current.metadata as Meta) }, spec };
  }
  const next: Draft = { ...draft, metadata: { ...draft.metadata } };
  const owned = next.metadata as Record<string, unknown>;
  for (const field of OWNED) {
    const value = current.metadata?.[field];
    if (value === undefined) delete owned[field];
    else owned[field] = value;
  }
  if (def.status) {
    if (current['status'] === undefined) delete next.status;
    else next.status = copy(current['status'] as Record<string, unknown>);
  }
  if (isNamespaces(def)) next.spec = { ...next.spec, finalizers: copy((current as Draft).spec?.['finalizers']) };
  return next;
}

/** Counts a change of what the object asks for, in place: of anything but metadata and status. */
export function countGeneration(def: KindDef, current: AnyObject, next: Draft): void {
  if (!hasGeneration(def) || FIRST_GENERATION.has(idOf(def))) return;
  const wish = (o: AnyObject): AnyObject => ({ ...o, metadata: {}, ...(def.status ? { status: undefined } : {}) });
  if (!equal(wish(current), wish(next))) next.metadata.generation = (current.metadata?.generation ?? 0) + 1;
}

/** What is wrong with an update beyond the kind's own rules. */
export function checkFinalizers(current: AnyObject, next: Draft): StatusCause[] {
  if (!current.metadata?.deletionTimestamp) return [];
  const before = new Set(current.metadata.finalizers);
  const added = (next.metadata.finalizers ?? []).filter((finalizer) => !before.has(finalizer));
  if (added.length === 0) return [];
  const list = added.map((f) => JSON.stringify(f)).join(', ');
  return [
    {
      reason: 'FieldValueForbidden',
      field: 'metadata.finalizers',
      message: `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`,
    },
  ];
}

/** True while something has still to be done before the object may go. */
function isHeld(def: KindDef, object: AnyObject): boolean {
  const own = isNamespaces(def) ? ((object as Draft).spec?.['finalizers'] as unknown[] | undefined) : undefined;
  return (object.metadata?.finalizers?.length ?? 0) > 0 || (own?.length ?? 0) > 0;
}

/** True when an object that is being deleted has nothing left to wait for. */
export function isFinished(def: KindDef, object: AnyObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds } = object.metadata ?? {};
  return deletionTimestamp !== undefined && !isHeld(def, object) && (deletionGracePeriodSeconds ?? 0) === 0;
}

export interface Deletion {
  readonly propagationPolicy?: string | undefined;
  readonly gracePeriodSeconds?: number | undefined;
}

const POLICY_FINALIZER: Record<string, string> = { Orphan: 'orphan', Foreground: 'foregroundDeletion' };

/** The object as a request to delete it leaves it; `isFinished` then says whether it goes at once. Equal to the current one when nothing is new. */
export function beginDeletion(def: KindDef, current: AnyObject, options: Deletion, now: number): Draft {
  const next: Draft = { ...(current as Draft), metadata: { ...(current.metadata as Meta) } };
  const { metadata } = next;
  if (options.propagationPolicy) {
    const kept = (metadata.finalizers ?? []).filter((f) => !Object.values(POLICY_FINALIZER).includes(f));
    const added = POLICY_FINALIZER[options.propagationPolicy];
    metadata.finalizers = added ? [...kept, added] : kept;
    if (metadata.finalizers.length === 0) delete metadata.finalizers;
  }
  const grace = isPods(def) ? podGrace(next, options.gracePeriodSeconds) : 0;
  if (metadata.deletionTimestamp === undefined) {
    metadata.deletionTimestamp = rfc3339(now + grace * 1000);
    metadata.deletionGracePeriodSeconds = grace;
    if (metadata.generation) metadata.generation++;
  } else if (options.gracePeriodSeconds !== undefined && grace < (metadata.deletionGracePeriodSeconds ?? 0)) {
    // A second request may shorten the time, never lengthen it.
    metadata.deletionTimestamp = rfc3339(now + grace * 1000);
    metadata.deletionGracePeriodSeconds = grace;
  }
  if (isNamespaces(def)) next.status = { ...next.status, phase: 'Terminating' };
  return next;
}

/** A pod that runs nowhere, or has ended, has nobody to wait for. */
function podGrace(pod: Draft, asked: number | undefined): number {
  const ended = pod.status?.['phase'] === 'Succeeded' || pod.status?.['phase'] === 'Failed';
  if (!pod.spec?.['nodeName'] || ended) return 0;
  return Math.max(0, asked ?? (pod.spec['terminationGracePeriodSeconds'] as number | undefined) ?? 30);
}
