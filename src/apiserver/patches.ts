import { ApiError, type AnyObject, type Schema } from '../api/index.ts';
import { applyObject } from './apply/apply.ts';
import type { Core } from './core.ts';
import { decode } from './decode.ts';
import { shownAs } from './entry.ts';
import { copy, isRecord } from './json.ts';
import type { Draft } from './lifecycle.ts';
import { applyJsonPatch } from './patch/json-patch.ts';
import { applyMergePatch } from './patch/merge-patch.ts';
import { applyStrategicPatch } from './patch/strategic-patch.ts';
import type { Body, PatchQuery, PatchType, Target, Written } from './registry.ts';
import { scaleOf, withReplicas } from './scale.ts';
import { writerOf, type Writes } from './writes.ts';

/** Applies a patch of any type through the verbs that write. */
export function createPatch(
  core: Core,
  { create, revise }: Writes,
): (target: Target, type: PatchType, body: Body, query: PatchQuery) => Promise<Written> {
  /** Patches an object as its user sees it, in the version asked for. */
  const patchShown = (target: Target, type: Exclude<PatchType, 'apply'>, body: Body, query: PatchQuery): Promise<Written> =>
    revise(target, query, (current) => {
      const { served } = target;
      const shown = shownAs(served, current).object;
      const value = patched(type, served.legacy?.schema ?? served.def.schema, shown, body.value);
      const { object, warnings } = decode(served, { value, duplicates: body.duplicates }, query.fieldValidation);
      return { draft: object as Draft, warnings };
    });

  const patchScale = (target: Target, type: PatchType, body: Body, query: PatchQuery): Promise<Written> =>
    revise(target, query, (current) => {
      const scale = scaleOf(target.served, current.object);
      const value = patched(type === 'apply' ? 'merge' : type, {}, scale, body.value);
      return { draft: withScale(target, current.object, value), warnings: [] };
    });

  const apply = async (target: Target, body: Body, query: PatchQuery): Promise<Written> => {
    if (!query.fieldManager) {
      throw new ApiError('Invalid', 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch');
    }
    const { served, name, subresource } = target;
    if (isRecord(body.value) && isRecord(body.value['metadata']) && body.value['metadata']['managedFields'] != null) {
      throw new ApiError('BadRequest', 'metadata.managedFields must be nil');
    }
    const { object: wanted, warnings } = decode(served, body, query.fieldValidation);
    const sentName = wanted.metadata?.name;
    if (sentName !== undefined && sentName !== name) {
      throw new ApiError('BadRequest', `metadata.name: Invalid value: ${JSON.stringify(sentName)}: must match ${name}`);
    }
    const writer = writerOf(target, query, core);
    const force = query.force ?? false;
    try {
      return await revise(target, query, (current) => {
        const { object, managedFields } = applyObject(writer, current.object, wanted, force);
        return { draft: copy(object) as Draft, warnings, managedFields: { entries: managedFields } };
      });
    } catch (error) {
      const absent = error instanceof ApiError && error.reason === 'NotFound' && error.details?.name === name;
      if (!absent || subresource) throw error;
      const { managedFields } = applyObject(writer, undefined, wanted, force);
      return create(target, body, query, { entries: managedFields });
    }
  };

  return (target, type, body, query) => {
    if (type === 'strategic' && target.served.def.custom) {
      throw new ApiError(
        'UnsupportedMediaType',
        'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
      );
    }
    if (target.subresource === 'scale') return patchScale(target, type, body, query);
    return type === 'apply' ? apply(target, body, query) : patchShown(target, type, body, query);
  };
}

/** The object with the replicas of a Scale that a user sent, and the revision it was based on. */
export function withScale({ served }: Target, current: AnyObject, scale: unknown): Draft {
  const spec = isRecord(scale) && isRecord(scale['spec']) ? scale['spec'] : {};
  const replicas = spec['replicas'] ?? 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0) {
    throw new ApiError(
      'Invalid',
      `Scale.autoscaling "${current.metadata?.name}" is invalid: spec.replicas: Invalid value: ${JSON.stringify(replicas)}: must be greater than or equal to 0`,
    );
  }
  const next = withReplicas(served, current, replicas);
  const seen = isRecord(scale) && isRecord(scale['metadata']) ? scale['metadata']['resourceVersion'] : undefined;
  if (typeof seen === 'string') next.metadata.resourceVersion = seen;
  return next;
}

/** A document as a patch makes it. Throws ApiError. */
export function patched(type: Exclude<PatchType, 'apply'>, schema: Schema, document: AnyObject, patch: unknown): unknown {
  switch (type) {
    case 'json':
      return applyJsonPatch(document, patch);
    case 'merge':
      if (!isRecord(patch)) throw new ApiError('BadRequest', 'a merge patch is an object');
      return applyMergePatch(document, patch);
    case 'strategic':
      return applyStrategicPatch(schema, document, patch);
  }
}
