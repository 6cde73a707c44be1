/** The verbs for kinds whose versions a webhook converts: it is asked on the way in and on the way out. */
import { apiVersionOf, isApiError, type AnyObject, type Schema, type Served } from '../../api/index.ts';
import { createClient } from '../client.ts';
import type { Core } from '../core.ts';
import { decode } from '../decode.ts';
import { entryOf } from '../entry.ts';
import { invalid } from '../errors.ts';
import { copy, isRecord } from '../json.ts';
import { carryOver, type Draft } from '../lifecycle.ts';
import { patched } from '../patches.ts';
import type { Body, Entry, PatchQuery, Registry, Target, WatchMessage, WriteQuery, Written } from '../registry.ts';
import { checkRulesUnless } from '../schema/rules.ts';
import { fillDefaults, inForm } from '../schema/shape.ts';
import { checkSchema } from '../schema/validate.ts';
import type { Convert } from './converter.ts';

/** A patch that lost against other writers this often gives up. */
const ATTEMPTS = 20;

/**
 * `inner` sees the stored version alone; so do those who have a say in writes. What is written is held against the schema of the version
 * that it came in, and as it is stored against that of the stored one.
 */
export function withConversion(inner: Registry, { catalog }: Pick<Core, 'catalog'>, convert: Convert): Registry {
  const show = showing(convert);
  const shown = async (served: Served, entry: Entry): Promise<Entry> => (await show(served, [entry]))[0]!;
  const written = async ({ served }: Target, done: Written, warnings: readonly string[] = []): Promise<Written> => ({
    ...done,
    ...(await shown(served, done)),
    warnings: [...warnings, ...done.warnings],
  });

  /** A body in the stored version; `look` is shown it before. */
  const taken = async ({ served }: Target, body: Body, query: WriteQuery, look: (object: Draft) => Promise<void> | void) => {
    const { object, warnings } = decode(served, body, query.fieldValidation);
    const draft = { ...object, apiVersion: apiVersionOf(served) } as Draft;
    fillDefaults(schemaOf(served), draft);
    await look(draft);
    const [value] = await convert(served.def, [draft], apiVersionOf(served.def.resource));
    return { value, warnings, query: { ...query, fieldValidation: 'Ignore' } as const };
  };

  const update = async (target: Target, body: Body, query: WriteQuery): Promise<Written> => {
    if (!target.served.legacy) return written(target, await inner.update(target, body, query));
    const { served, subresource } = target;
    const { value, warnings, ...rest } = await taken(target, body, query, async (draft) => {
      const { object } = await shown(served, await inner.get(stored({ ...target, subresource: undefined })));
      await check(served, carryOver(served.def, subresource, object, copy(draft)), object);
    });
    return written(target, await inner.update(stored(target), { value }, rest.query), warnings);
  };

  const patch = async (target: Target, type: 'json' | 'merge', body: Body, query: PatchQuery): Promise<Written> => {
    for (let attempt = 1; ; attempt++) {
      const { object } = await shown(target.served, await inner.get(stored({ ...target, subresource: undefined })));
      const value = patched(type, schemaOf(target.served), object, body.value);
      try {
        return await update(target, { value, duplicates: body.duplicates }, query);
      } catch (error) {
        const seen = isRecord(value) && isRecord(value['metadata']) ? value['metadata']['resourceVersion'] : undefined;
        const overtaken = isApiError(error, 'Conflict') && seen === object.metadata?.resourceVersion;
        if (!overtaken || attempt === ATTEMPTS) throw error;
      }
    }
  };

  const converting: Verbs = {
    get: async (target) => shown(target.served, await inner.get(stored(target))),
    async list(target, query) {
      const { items, ...rest } = await inner.list(stored(target), query);
      return { ...rest, items: await show(target.served, items) };
    },
    watch(target, query, signal) {
      const messages = inner.watch(stored(target), query, signal);
      return (async function* (): AsyncGenerator<WatchMessage> {
        for await (const message of messages)
          yield message.type === 'BOOKMARK' ? message : { ...message, entry: await shown(target.served, message.entry) };
      })();
    },
    async create(target, body, query) {
      if (!target.served.legacy) return written(target, await inner.create(target, body, query));
      const { value, warnings, ...rest } = await taken(target, body, query, (draft) => check(target.served, draft, undefined));
      return written(target, await inner.create(stored(target), { value }, rest.query), warnings);
    },
    update,
    async patch(target, type, body, query) {
      if (!target.served.legacy) return written(target, await inner.patch(target, type, body, query));
      if (type === 'json' || type === 'merge') return patch(target, type, body, query);
      if (type === 'strategic') return inner.patch(target, type, body, query); // refuses it
      const { value, warnings, ...rest } = await taken(target, body, query, () => {});
      return written(target, await inner.patch(stored(target), type, { value }, { ...rest.query, force: query.force }), warnings);
    },
    async delete(target, query) {
      const deleted = await inner.delete(stored(target), query);
      // What is gone nobody shows, and that nobody could is no reason to say that it were still there.
      return deleted.gone ? deleted : { ...deleted, ...(await shown(target.served, deleted)) };
    },
    async deleteCollection(target, select, query) {
      const { items, ...rest } = await inner.deleteCollection(stored(target), select, query);
      return { ...rest, items: await show(target.served, items) };
    },
  };

  /** Who does what is asked: a Scale is the same in all versions. */
  const to = (target: Target): readonly [typeof converting, Target] => {
    if (!target.served.def.conversion) return [inner, target];
    return target.subresource === 'scale' ? [inner, stored(target)] : [converting, target];
  };
  const registry: Registry = {
    catalog,
    metrics: inner.metrics,
    get: (asked) => asking(to(asked), (who, target) => who.get(target)),
    list: (asked, query) => asking(to(asked), (who, target) => who.list(target, query)),
    watch: (asked, query, signal) => asking(to(asked), (who, target) => who.watch(target, query, signal)),
    create: (asked, body, query) => asking(to(asked), (who, target) => who.create(target, body, query)),
    update: (asked, body, query) => asking(to(asked), (who, target) => who.update(target, body, query)),
    patch: (asked, type, body, query) => asking(to(asked), (who, target) => who.patch(target, type, body, query)),
    delete: (asked, query) => asking(to(asked), (who, target) => who.delete(target, query)),
    deleteCollection: (asked, select, query) => asking(to(asked), (who, target) => who.deleteCollection(target, select, query)),
    connect: (target, object) => inner.connect(target, object),
    client: (user) => createClient(registry, catalog, user),
  };
  return registry;
}

type Verbs = Omit<Registry, 'catalog' | 'metrics' | 'connect' | 'client'>;

const asking = <T>([who, target]: readonly [Verbs, Target], ask: (who: Verbs, target: Target) => T): T => ask(who, target);

/** What is asked about, in the stored version. */
function stored(target: Target): Target {
  const { def } = target.served;
  return { ...target, served: { def, group: def.resource.group, version: def.resource.version, legacy: undefined } };
}

const schemaOf = ({ def, legacy }: Served): Schema => legacy?.schema ?? def.schema;

/** Holds an object against the schema of the version that it came in. Throws Invalid. */
async function check(served: Served, draft: Draft, old: AnyObject | undefined): Promise<void> {
  const causes = checkSchema(schemaOf(served), draft, '', old);
  causes.push(...(await checkRulesUnless(causes, schemaOf(served), draft, old)));
  if (causes.length > 0) throw invalid(served.def, draft.metadata?.name ?? '', causes);
}

/** Shows objects in a version. Each is converted once for all who ask for it, as long as its definition is the same. */
function showing(convert: Convert): (served: Served, entries: readonly Entry[]) => Promise<Entry[]> {
  const known = new WeakMap<Served, WeakMap<AnyObject, Promise<Entry>>>();
  return async (served, entries) => {
    const version = apiVersionOf(served);
    const of = known.get(served) ?? new WeakMap<AnyObject, Promise<Entry>>();
    known.set(served, of);
    const missing = entries.flatMap(({ object }) => (object.apiVersion === version || of.has(object) ? [] : [object]));
    const all = convert(served.def, missing, version);
    missing.forEach((object, i) => {
      const one = all.then((converted) => entryOf(inForm(schemaOf(served), converted[i]!)));
      of.set(object, one);
      one.catch(() => of.delete(object));
    });
    return Promise.all(entries.map((entry) => (entry.object.apiVersion === version ? Promise.resolve(entry) : of.get(entry.object)!)));
  };
}
