import { ApiError, type AnyObject, type KindDef } from '../api/index.ts';
import { decode } from './decode.ts';
import { entryOf } from './entry.ts';
import { invalid } from './errors.ts';
import type { Body, Target, WriteQuery, Written } from './registry.ts';

/** Completes what was asked: the object as it is answered. */
export type Answer = (target: Target, asked: AnyObject, query: WriteQuery) => AnyObject | Promise<AnyObject>;

/** Kinds and parts of objects whose creation is answered and not kept, by `<group>/<plural>` or `<group>/<plural>/<subresource>`. */
export type Answers = ReadonlyMap<string, { readonly def: KindDef; readonly answer: Answer }>;

/** Parts of objects that are told from the whole and only read, by `<group>/<plural>/<subresource>`. */
export type Accounts = ReadonlyMap<string, (object: AnyObject) => AnyObject>;

type Create = (target: Target, body: Body, query: WriteQuery) => Promise<Written>;

/** How a create of the target is answered; undefined: it is kept. */
export function answerOf(answers: Answers, { served, subresource }: Target): Create | undefined {
  const found = answers.get(nameOf({ served, subresource }));
  if (!found) return undefined;
  const { def, answer } = found;
  const { resource } = def;
  return async (target, body, query) => {
    const { object, warnings } = decode({ def, ...resource, legacy: undefined }, body, query.fieldValidation);
    const metadata = (object.metadata ??= {});
    if (resource.namespaced) placeIn(metadata, target.namespace);
    def.default?.(object);
    const causes = def.validate?.(object, undefined, target.subresource) ?? [];
    if (causes.length > 0) throw invalid(def, metadata.name ?? '', causes);
    return { ...entryOf(await answer(target, object, query)), created: true, warnings };
  };
}

/** What is told of an object in a part that is read; undefined: it is no such part. */
export function accountOf(accounts: Accounts, target: Target): ((object: AnyObject) => AnyObject) | undefined {
  return accounts.get(nameOf(target));
}

function nameOf({ served, subresource }: Pick<Target, 'served' | 'subresource'>): string {
  const { group, plural } = served.def.resource;
  return subresource ? `${group}/${plural}/${subresource}` : `${group}/${plural}`;
}

/** The namespace of the URL is the object's. */
function placeIn(metadata: { namespace?: string }, namespace: string | undefined): void {
  if (metadata.namespace && metadata.namespace !== namespace) {
    throw new ApiError('BadRequest', 'the namespace of the provided object does not match the namespace sent on the request');
  }
  if (namespace) metadata.namespace = namespace;
}
