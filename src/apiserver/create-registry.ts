import { createMetrics, type Metrics } from '../base/index.ts';
import {
  ApiError,
  CustomResourceDefinitions,
  hasSubresource,
  isKept,
  Namespaces,
  type AnyObject,
  type KindDef,
  type Served,
  type StatusCause,
} from '../api/index.ts';
import { builtinAdmission } from './admission/builtin/index.ts';
import { quotaAdmission, type QuotaOptions } from './admission/builtin/quota.ts';
import { createGate, type Gate } from './admission/gate.ts';
import { policyAdmission } from './admission/policies.ts';
import { createWebhooks, observeWebhooks, type ObserveWebhook } from './admission/webhooks.ts';
import { accountOf, answerOf } from './answers.ts';
import type { Core } from './core.ts';
import { SERVER } from './auth/identity.ts';
import { withApproval } from './auth/certificates.ts';
import { createBindings } from './bindings.ts';
import { createClient } from './client.ts';
import { createConverter } from './conversion/converter.ts';
import { withConversion } from './conversion/with-conversion.ts';
import { builtInDefinitions } from './built-in-definitions.ts';
import { isBuiltIn, withBuiltIns } from './built-ins.ts';
import { componentStatuses } from './components.ts';
import { computedReads } from './computed.ts';
import { createCustomKinds } from './crds.ts';
import { decode } from './decode.ts';
import { createDeletes } from './deletes.ts';
import { entryOf, storeKey, storePrefix } from './entry.ts';
import { invalid, qualified } from './errors.ts';
import { createEvictions } from './evictions.ts';
import { createEventExpiry } from './event-expiry.ts';
import { copy, isRecord } from './json.ts';
import { isCrds, isEvents, isPods, type Draft } from './lifecycle.ts';
import { localApiServices } from './local-api-services.ts';
import { createPatch, withScale } from './patches.ts';
import { createReads } from './reads.ts';
import type { Deleted, Registry, Target, WriteQuery, Written } from './registry.ts';
import { scaleOf } from './scale.ts';
import { createServiceAllocator } from './services.ts';
import { createWrites } from './writes.ts';

/** Kinds that a PUT creates when they are not there. */
const CREATED_BY_UPDATE: ReadonlySet<string> = new Set(['coordination.k8s.io/leases', '/endpoints', '/events']);

/** The verbs over a store and a catalog. The catalog gains and loses kinds as definitions come and go. */
export function createRegistry(
  options: Omit<Core, 'admission' | 'answers' | 'accounts' | 'computed' | 'callWebhook'> & Partial<Core>,
): Registry {
  const core: Core = {
    admission: [],
    answers: new Map(),
    accounts: new Map(),
    callWebhook: nobody,
    ...options,
    computed: new Map([['/componentstatuses', componentStatuses], ...(options.computed ?? [])]),
    store: withBuiltIns(options.store, [builtInDefinitions(options.catalog), localApiServices(options.catalog)], options.clock),
  };
  const { store, catalog } = core;
  const reads = createReads(store, core.clock);
  const metrics = createMetrics();
  measureStore(metrics, core);
  const gate = gateOf(core, observeWebhooks(metrics), async ({ metadata }, status) => {
    const served = catalog.find('', 'v1', 'resourcequotas')!;
    const { namespace, name } = metadata!;
    const target = { served, namespace, name, subresource: 'status', user: SERVER };
    await update(target, (current) => ({ ...(copy(current) as Draft), status }));
  });
  const writes = createWrites(core, createServiceAllocator(store), gate);
  const deletes = createDeletes(core, gate, reads);
  const applyPatch = createPatch(core, writes);
  const evict = createEvictions(core, writes, deletes);
  const bind = createBindings(core, writes);
  const expireEvents = createEventExpiry(core);

  const ownTarget = (def: KindDef, { metadata }: AnyObject): Target => ({
    served: { def, group: def.resource.group, version: def.resource.version, legacy: undefined },
    namespace: metadata?.namespace,
    name: metadata?.name,
    user: SERVER,
  });

  const customKinds = createCustomKinds(
    { ...core, store: options.store },
    {
      remove: (def, object) => deletes.delete(ownTarget(def, object), {}).catch(unlessGone),
      release: async (name, finalizer) => {
        const { group, version, plural } = CustomResourceDefinitions;
        const served = catalog.find(group, version, plural)!;
        await update({ served, name, user: SERVER }, (current) => {
          const draft = copy(current) as Draft;
          draft.metadata.finalizers = (draft.metadata.finalizers ?? []).filter((f) => f !== finalizer);
          return draft;
        }).catch(unlessGone);
      },
      again: async (name) => {
        const { group, version, plural } = CustomResourceDefinitions;
        const served = catalog.find(group, version, plural)!;
        await update({ served, name, user: SERVER }, (current) => copy(current) as Draft).catch(unlessGone);
      },
    },
  );

  /** Lets the catalog follow a write of a definition. */
  const followed = <T extends Written | Deleted>({ served, subresource, name }: Target, result: T, dryRun: boolean | undefined): T => {
    if (!isCrds(served.def) || dryRun || subresource) return result;
    const stored = store.get(storeKey(served.def, undefined, name ?? result.object.metadata?.name ?? ''));
    if (stored && !isBuiltIn(stored)) customKinds.written(stored.object);
    else customKinds.removed(result.object);
    return result;
  };

  const update = async (target: Target, change: (current: AnyObject) => Draft): Promise<Written> =>
    followed(
      target,
      await writes.revise(target, { fieldManager: SERVER.name }, ({ object }) => ({ draft: change(object), warnings: [] })),
      false,
    );

  /** A Scale in place of the object that was scaled. */
  const asScale = (target: Target, written: Written): Written =>
    target.subresource === 'scale' ? { ...written, ...entryOf(scaleOf(target.served, written.object)) } : written;

  /** Asks those who have a say in what is done to an object by a part of it, and is not stored; returns what they warn of. */
  const ask = async (operation: 'CREATE' | 'CONNECT', target: Target, object: AnyObject, query: WriteQuery): Promise<readonly string[]> => {
    const { served, namespace, name = '', subresource, user } = target;
    const warnings: string[] = [];
    const around = { query, dryRun: query.dryRun ?? false, warn: (text: string) => warnings.push(text) };
    const request = { operation, def: served.def, served, namespace, name, subresource, object, oldObject: undefined, user, ...around };
    await gate.mutate(request, () => {});
    await gate.validate(request);
    return warnings;
  };

  const registry: Registry = {
    catalog,
    metrics,
    get: async (target) => {
      const account = accountOf(core.accounts, target);
      if (account) return entryOf(account(reads.get({ ...target, subresource: undefined }).object));
      checkSubresource(target, ['status', 'scale', 'approval', 'ephemeralcontainers', 'resize']);
      return (computedReads(core.computed, target.served.def) ?? reads).get(target);
    },
    list: async (target, query) => (computedReads(core.computed, target.served.def) ?? reads).list(target, query),
    watch: (target, query, signal) => {
      if (!isKept(target.served.def)) throw notAllowed();
      return reads.watch(target, query, anyOf(signal, customKinds.until(target.served.def)));
    },

    async create(target, body, query) {
      const answered = answerOf(core.answers, target);
      const warnings = target.subresource && isRecord(body.value) ? await ask('CREATE', target, body.value, query) : [];
      if (answered) return warnedOf(await answered(target, body, query), warnings);
      checkVerb(target, 'create');
      if (target.subresource === 'eviction' && isPods(target.served.def)) return warnedOf(await evict(target, body, query), warnings);
      if (isBinding(target)) return warnedOf(await bind(target, body, query), warnings);
      checkSubresource(target, []);
      if (customKinds.isClearing(target.served.def)) {
        throw new ApiError('MethodNotAllowed', 'create not allowed while custom resource definition is terminating');
      }
      if (isEvents(target.served.def)) await expireEvents();
      return followed(target, await writes.create(target, body, query), query.dryRun);
    },

    async update(target, body, query) {
      checkVerb(target, 'update');
      checkSubresource(target, ['status', 'scale', 'finalize', 'approval', 'ephemeralcontainers', 'resize']);
      const { served, namespace, name = '', subresource } = target;
      if (subresource === 'scale') {
        return asScale(
          target,
          await writes.revise(target, query, ({ object }) => ({ draft: withScale(target, object, body.value), warnings: [] })),
        );
      }
      const { object, warnings } = decode(served, body, query.fieldValidation);
      const sent = object.metadata?.name;
      if (sent !== undefined && sent !== name) {
        throw new ApiError('BadRequest', `the name of the object (${sent}) does not match the name on the URL (${name})`);
      }
      const id = `${served.def.resource.group}/${served.def.resource.plural}`;
      if (!subresource && CREATED_BY_UPDATE.has(id) && !store.get(storeKey(served.def, namespace, name)))
        return writes.create(target, body, query);
      const draftOf = (current: AnyObject): AnyObject =>
        subresource === 'approval' ? withApproval(current, object, core.clock.now()) : copy(object);
      const revise = ({ object: current }: { object: AnyObject }) => {
        if (!object.metadata?.resourceVersion && saysWhatItKnows(served.def)) throw invalid(served.def, name, [unseen(served.def)]);
        return { draft: withMetadata(draftOf(current)), warnings };
      };
      return followed(target, await writes.revise(target, query, revise), query.dryRun);
    },

    async patch(target, type, body, query) {
      checkVerb(target, 'patch');
      checkSubresource(target, ['status', 'scale', 'approval', 'ephemeralcontainers', 'resize']);
      return asScale(target, followed(target, await applyPatch(target, type, body, query), query.dryRun));
    },

    delete: async (target, query) => {
      checkVerb(target, 'delete');
      const deleted = followed(target, await deletes.delete(target, query), query.dryRun);
      // kubectl looks whether the object is still the same, and then waits for the end of whatever has its name: what comes back
      // between the two would keep it waiting.
      if (isCrds(target.served.def)) await customKinds.returned(deleted.object);
      return deleted;
    },
    deleteCollection: async (target, select, query) => {
      checkVerb(target, 'deletecollection');
      return deletes.deleteCollection(target, select, query);
    },
    connect: (target, object) => ask('CONNECT', target, object, {}),
    client: (user) => createClient(registry, catalog, user),
  };

  return withConversion(registry, core, createConverter(core));
}

function measureStore(metrics: Metrics, { store, catalog }: Core): void {
  metrics.gauge('apiserver_storage_revision', 'Revision of the last write.', [], () => [[[], store.revision]]);
  metrics.gauge('apiserver_storage_objects', 'Objects that are stored, by kind.', ['resource'], () =>
    catalog.all().flatMap((def) => {
      const count = store.count(storePrefix(def, undefined));
      return count > 0 ? [[[qualified(def)], count] as const] : [];
    }),
  );
}

/** Where webhooks cannot be called, none can be relied on. */
const nobody: Core['callWebhook'] = () => Promise.reject(new Error('this server calls no webhooks'));

function gateOf(core: Core, observe: ObserveWebhook, writeStatus: QuotaOptions['writeStatus']): Gate {
  const { group, version, plural } = Namespaces;
  const namespaces = core.catalog.find(group, version, plural)!.def;
  const quotas = quotaAdmission({ ...core, writeStatus });
  const policies = policyAdmission(core.store, core.catalog, namespaces);
  const members = [...builtinAdmission(core.store), ...core.admission, quotas];
  return createGate(members, policies, createWebhooks({ ...core, namespaces, call: core.callWebhook, observe }));
}

const isBinding = ({ served: { def }, subresource }: Target): boolean =>
  subresource === 'binding' ? isPods(def) : !def.resource.group && def.resource.plural === 'bindings';

/** Refuses what cannot be done with objects of the kind. */
function checkVerb({ served, subresource }: Target, verb: string): void {
  const { verbs } = served.def;
  if (verbs && subresource === undefined && !verbs.includes(verb)) throw notAllowed();
}

function warnedOf(written: Written, warnings: readonly string[]): Written {
  return warnings.length > 0 ? { ...written, warnings: [...written.warnings, ...warnings] } : written;
}

/** Kinds that no update is taken of without the version it was made from, besides custom ones. */
const NEVER_BLINDLY: ReadonlySet<string> = new Set([
  'admissionregistration.k8s.io/mutatingwebhookconfigurations',
  'admissionregistration.k8s.io/validatingadmissionpolicies',
  'admissionregistration.k8s.io/validatingadmissionpolicybindings',
  'admissionregistration.k8s.io/validatingwebhookconfigurations',
  'apiregistration.k8s.io/apiservices',
  'node.k8s.io/runtimeclasses',
  'policy/poddisruptionbudgets',
  'storage.k8s.io/csidrivers',
  'storage.k8s.io/csinodes',
  'storage.k8s.io/csistoragecapacities',
  'storage.k8s.io/volumeattachments',
]);

const saysWhatItKnows = ({ custom, resource }: KindDef): boolean => custom || NEVER_BLINDLY.has(`${resource.group}/${resource.plural}`);

/** What is said of an update that does not say what it was made from; custom kinds have it in hexadecimal. */
const unseen = ({ custom }: KindDef): StatusCause => ({
  reason: 'FieldValueInvalid',
  field: 'metadata.resourceVersion',
  message: `Invalid value: ${custom ? '0x0' : '0'}: must be specified for an update`,
});

/** Aborts with the first of two signals. */
const anyOf = (a: AbortSignal | undefined, b: AbortSignal | undefined): AbortSignal | undefined =>
  a && b ? AbortSignal.any([a, b]) : (a ?? b);

function withMetadata(object: AnyObject): Draft {
  const draft = object as Draft;
  draft.metadata ??= {};
  return draft;
}

function unlessGone(error: unknown): void {
  if (!(error instanceof ApiError && error.reason === 'NotFound')) throw error;
}

/** Refuses subresources that the kind does not have, or that do not know the verb. */
function checkSubresource({ served, subresource }: { served: Served; subresource?: string | undefined }, allowed: readonly string[]): void {
  if (subresource === undefined) return;
  if (!hasSubresource(served, subresource)) throw new ApiError('NotFound', 'the server could not find the requested resource');
  if (!allowed.includes(subresource)) throw notAllowed();
}

function notAllowed(): ApiError {
  return new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource');
}
