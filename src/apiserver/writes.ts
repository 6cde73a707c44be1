import { ApiError, apiVersionOf, type AnyObject, type KindDef, type Schema, type Served } from '../api/index.ts';
import { nameSuffix } from '../base/index.ts';
import { StoreError, type Stored } from '../store/index.ts';
import type { AdmissionRequest } from './admission/admission.ts';
import type { Gate } from './admission/gate.ts';
import { managedFieldsOf, ownedByCreate, ownedByUpdate, ownershipsOf, type Writer } from './apply/managed-fields.ts';
import type { Core } from './core.ts';
import { isBuiltIn } from './built-ins.ts';
import { checkDefaults, prepareCrd } from './crds.ts';
import { decode } from './decode.ts';
import { entryOf, shownAs, storeKey } from './entry.ts';
import { alreadyExists, conflict, forbidden, invalid, MODIFIED, notFound, storeRefusal } from './errors.ts';
import { equal } from './json.ts';
import { beginLife, carryOver, checkFinalizers, countGeneration, isCrds, isFinished, isServices, type Draft } from './lifecycle.ts';
import { isPodPart, withPodPart } from './pod-parts.ts';
import type { Body, Entry, Target, WriteQuery, Written } from './registry.ts';
import { fillDefaults } from './schema/shape.ts';
import { checkRulesUnless } from './schema/rules.ts';
import { checkSchema } from './schema/validate.ts';
import type { Reservation, ServiceAllocator } from './services.ts';

/** A write that lost against others this often gives up. */
const ATTEMPTS = 20;
/** Of a generated name that is taken. */
const NAMES = 8;
/** Longest prefix of a generated name: five letters follow, and 63 is what a label holds. */
const PREFIX = 58;

/** What a write makes of the stored object. */
export interface Revised {
  /** In the stored version; what it says of fields that the writer may not change does not count. */
  readonly draft: Draft;
  readonly warnings: readonly string[];
  /** Set by server-side apply, which decides on the owners itself. */
  readonly managedFields?: { readonly entries: unknown[] | undefined };
}

export interface Writes {
  create(target: Target, body: Body, query: WriteQuery, managedFields?: { readonly entries: unknown[] | undefined }): Promise<Written>;
  /** Reads, revises, checks and stores; again when somebody else was faster. Throws NotFound when there is nothing to revise. */
  revise(target: Target, query: WriteQuery, revise: (current: Stored<AnyObject>) => Revised): Promise<Written>;
}

export function createWrites(core: Core, services: ServiceAllocator, gate: Gate): Writes {
  const { store, clock, rng } = core;

  /** Runs mutation, defaults and validation on a draft, in place, and then `store`s it; addresses are held meanwhile. */
  const admit = async <T>(request: AdmissionRequest, draft: Draft, then: () => Promise<T>): Promise<T> => {
    const { def, oldObject } = request;
    const whole = request.subresource === undefined || request.subresource === 'scale' || isPodPart(def, request.subresource);
    let held: Reservation | undefined;
    let release: (() => void) | undefined;
    const tidy = (): void => {
      if (whole) fillIn(request.served, draft, oldObject);
    };
    try {
      tidy();
      await gate.mutate(request, tidy);
      if (whole) {
        if (isServices(def)) held = services.assign(def, draft, oldObject);
        if (isCrds(def)) prepareCrd(core, draft);
        tidy();
      }
      await checkDraft(request, draft);
      await gate.validate(request);
      release = gate.hold(request);
      return await then();
    } finally {
      release?.();
      held?.release();
    }
  };

  const create: Writes['create'] = async (target, body, query, managedFields) => {
    const { served, namespace, user } = target;
    const { def } = served;
    const { object, warnings } = decode(served, body, query.fieldValidation);
    const draft = object as Draft;
    const metadata = (draft.metadata ??= {});
    if (metadata.resourceVersion) throw new ApiError('BadRequest', 'resourceVersion should not be set on objects to be created');
    if (target.name !== undefined) metadata.name ??= target.name;
    placeIn(target, draft);
    if (namespace && def.resource.namespaced) checkNamespace(core, def, namespace, metadata.name ?? metadata.generateName ?? '');
    const generated = !metadata.name && metadata.generateName ? metadata.generateName.slice(0, PREFIX) : undefined;

    for (let attempt = 1; ; attempt++) {
      if (generated) metadata.name = generated + nameSuffix(rng);
      beginLife(def, draft, clock, rng);
      const name = metadata.name ?? '';
      const there = store.get(storeKey(def, namespace, name));
      if (there && !isBuiltIn(there) && !generated) throw alreadyExists(def, name);
      const dryRun = query.dryRun ?? false;
      const said: string[] = [];
      const request = {
        operation: 'CREATE',
        def,
        served,
        namespace,
        name,
        subresource: undefined,
        object: draft as AnyObject,
        oldObject: undefined,
        user,
        dryRun,
        query,
        warn: (text: string) => said.push(text),
      } as const;
      const sent = metadata.managedFields;
      delete metadata.managedFields;
      try {
        const entry = await admit(request, draft, async (): Promise<Entry> => {
          const managed = managedFields
            ? managedFields.entries
            : Array.isArray(sent) && sent.length > 0
              ? managedFieldsOf(ownershipsOf(sent))
              : ownedByCreate(writerOf(target, query, core), draft);
          if (managed) metadata.managedFields = managed as never;
          return dryRun ? entryOf(draft) : await store.create(storeKey(def, namespace, name), draft);
        });
        return { ...shownAs(served, entry), created: true, warnings: [...warnings, ...said] };
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'exists') throw storeRefusal(error);
        if (!generated || attempt === NAMES) throw alreadyExists(def, name);
      }
    }
  };

  const revise: Writes['revise'] = async (target, query, compute) => {
    const { served, namespace, name = '', subresource, user } = target;
    const { def } = served;
    const key = storeKey(def, namespace, name);
    for (let attempt = 1; ; attempt++) {
      const stored = store.get(key);
      if (!stored) throw notFound(def, name);
      const current = stored.object;
      const { draft, warnings, managedFields } = compute(stored);
      checkPreconditions(def, current, draft);
      const next = isPodPart(def, subresource) ? withPodPart(subresource, current, draft) : carryOver(def, subresource, current, draft);
      const said: string[] = [];
      const done = (entry: Entry): Written => ({ ...shownAs(served, entry), created: false, warnings: [...warnings, ...said] });
      const dryRun = query.dryRun ?? false;
      const request = {
        operation: 'UPDATE',
        def,
        served,
        namespace,
        name,
        subresource,
        object: next as AnyObject,
        oldObject: current,
        user,
        dryRun,
        query,
        warn: (text: string) => said.push(text),
      } as const;
      const sent = draft.metadata.managedFields;
      try {
        return await admit(request, next, async () => {
          if (same(current, next)) next.metadata.generation = current.metadata?.generation as number;
          else countGeneration(def, current, next);
          if (next.metadata.generation === undefined) delete next.metadata.generation;
          const managed = managedFields ? managedFields.entries : ownedByUpdate(writerOf(target, query, core), current, next, sent);
          if (managed) next.metadata.managedFields = managed as never;
          else delete next.metadata.managedFields;
          if (same(current, next) && equal(owners(current), owners(next))) return done(stored);
          if (dryRun) return done(entryOf(next));
          if (isFinished(def, next)) return done(await store.delete(key, stored.revision, next));
          return done(await store.update(key, next, stored.revision));
        });
      } catch (error) {
        if (!(error instanceof StoreError) || (error.code !== 'conflict' && error.code !== 'missing')) throw storeRefusal(error);
        if (attempt === ATTEMPTS) throw conflict(def, name, MODIFIED);
      }
    }
  };

  return { create, revise };
}

export function writerOf({ served, subresource }: Target, query: WriteQuery, { clock }: Core): Writer {
  return { manager: query.fieldManager ?? query.userAgent ?? 'unknown', served, subresource, now: clock.now() };
}

/** The namespace of the URL is the object's. */
function placeIn({ served, namespace, name }: Target, { metadata }: Draft): void {
  if (name !== undefined && metadata.name !== undefined && metadata.name !== name) {
    throw new ApiError('BadRequest', `the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
  if (!served.def.resource.namespaced) return;
  if (metadata.namespace !== undefined && metadata.namespace !== '' && metadata.namespace !== namespace) {
    throw new ApiError('BadRequest', `the namespace of the provided object does not match the namespace sent on the request`);
  }
  if (namespace) metadata.namespace = namespace;
}

function checkNamespace({ store }: Core, def: KindDef, namespace: string, name: string): void {
  const found = store.get(`/namespaces//${namespace}`)?.object;
  if (!found) {
    throw new ApiError('NotFound', `namespaces "${namespace}" not found`, { name: namespace, kind: 'namespaces' });
  }
  if (!found.metadata?.deletionTimestamp) return;
  throw forbidden(def, name, `unable to create new content in namespace ${namespace} because it is being terminated`, [
    { reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' },
  ]);
}

/** What a writer says it saw must be what is there. */
function checkPreconditions(def: KindDef, current: AnyObject, { metadata }: Draft): void {
  const name = current.metadata?.name ?? '';
  if (metadata.uid && metadata.uid !== current.metadata?.uid) {
    throw conflict(def, name, `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${current.metadata?.uid}`);
  }
  if (metadata.resourceVersion && metadata.resourceVersion !== current.metadata?.resourceVersion) throw conflict(def, name, MODIFIED);
}

/** What an object is held against: of a custom kind, the schema of the version that was asked for. */
const schemaOf = ({ def, legacy }: Served): Schema => (def.custom && !legacy?.upgrade && legacy?.schema) || def.schema;

function fillIn(served: Served, draft: Draft, old: AnyObject | undefined): void {
  // Those of the version that was asked for, and of the stored one what that leaves open.
  if (served.def.custom) for (const schema of new Set([schemaOf(served), served.def.schema])) fillDefaults(schema, draft);
  served.def.default?.(draft, old);
}

async function checkDraft({ served, oldObject: old, subresource }: AdmissionRequest, draft: Draft): Promise<void> {
  const { def } = served;
  // Of Kubernetes' own kinds the definition checks everything, as the real server does.
  const causes = def.custom ? checkSchema(schemaOf(served), draft, '', old) : [];
  if (old) causes.push(...checkFinalizers(old, draft));
  // What the schema refuses needs no second word, on itself or on what is in it.
  const refused = causes.map(({ field = '' }) => field);
  const isSaid = (field = ''): boolean => refused.some((at) => field === at || field.startsWith(`${at}.`) || field.startsWith(`${at}[`));
  for (const cause of def.validate?.(draft, old, subresource, apiVersionOf(served)) ?? []) if (!isSaid(cause.field)) causes.push(cause);
  if (isCrds(def) && causes.length === 0) causes.push(...checkDefaults(draft));
  if (def.custom) causes.push(...(await checkRulesUnless(causes, schemaOf(served), draft, old)));
  if (causes.length > 0) throw invalid(def, draft.metadata.name ?? '', causes);
}

/** True when nothing changed but who owns what. */
function same(current: AnyObject, next: Draft): boolean {
  return equal(bare(current), bare(next));
}

function bare(object: AnyObject): AnyObject {
  return { ...object, metadata: { ...object.metadata, managedFields: undefined, resourceVersion: undefined } };
}

/** Who owns what, whenever it was. */
function owners({ metadata }: AnyObject | Draft): unknown {
  return metadata?.managedFields?.map((entry) => ({ ...entry, time: undefined })) ?? [];
}
