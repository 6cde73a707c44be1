import { apiVersionOf, scaleColumns, tableOf, type AnyObject, type Served } from '../../api/index.ts';
import type { Entry, EntryList, WatchMessage } from '../registry.ts';
import type { Representation } from './accept.ts';

/** How `kubectl get --sort-by` and others want the objects behind the rows of a Table. */
export type IncludeObject = 'Metadata' | 'Object' | 'None';

export interface View {
  readonly served: Served;
  readonly subresource?: string | undefined;
  readonly representation: Representation;
  readonly includeObject: IncludeObject;
  /** Milliseconds, for ages in tables. */
  readonly now: () => number;
}

/** One object in the form asked for. Plain JSON is not made anew: it is shared with all who ask. */
export function renderObject(entry: Entry, view: View): Buffer {
  switch (view.representation) {
    case 'table':
      return json(table([entry.object], view, { resourceVersion: entry.object.metadata?.resourceVersion }));
    case 'metadata':
    case 'metadata-list':
      return json(partial(entry.object));
    default:
      return entry.bytes;
  }
}

const COMMA = Buffer.from(',');
const END = Buffer.from(']}\n');
/** How many rows of a table are made at once. */
const ROWS = 100;

/** A list in the form asked for, a part at a time: a large one is not made in one go while others wait. */
export function* renderList(list: EntryList, view: View): Generator<Buffer> {
  const metadata = {
    resourceVersion: list.resourceVersion,
    ...(list.continue ? { continue: list.continue } : {}),
    ...(list.remainingItemCount !== undefined ? { remainingItemCount: list.remainingItemCount } : {}),
  };
  switch (view.representation) {
    case 'table': {
      const { rows: _none, ...head } = table([], view, metadata);
      return yield* array(head, 'rows', rowsOf(list, view));
    }
    case 'metadata':
    case 'metadata-list': {
      const head = { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata };
      return yield* array(
        head,
        'items',
        map(list.items, (entry) => json(partial(entry.object))),
      );
    }
    default: {
      const head = { kind: `${view.served.def.resource.kind}List`, apiVersion: apiVersionOf(view.served), metadata };
      return yield* array(
        head,
        'items',
        map(list.items, (entry) => entry.bytes),
      );
    }
  }
}

/** An object whose last field is a long array. */
function* array(head: object, field: string, items: Iterable<Buffer>): Generator<Buffer> {
  yield Buffer.from(`${JSON.stringify(head).slice(0, -1)},"${field}":[`);
  let first = true;
  for (const item of items) {
    if (!first) yield COMMA;
    first = false;
    yield item;
  }
  yield END;
}

function* rowsOf({ items }: EntryList, view: View): Generator<Buffer> {
  for (let from = 0; from < items.length; from += ROWS) {
    const objects = items.slice(from, from + ROWS).map((entry) => entry.object);
    for (const row of table(objects, view, {})['rows'] as readonly unknown[]) yield json(row);
  }
}

function* map<A>(items: readonly A[], make: (item: A) => Buffer): Generator<Buffer> {
  for (const item of items) yield make(item);
}

/** Lines of a watch in the form asked for. Only the first Table names its columns. */
export function watchRenderer(view: View): (message: WatchMessage) => Buffer {
  let first = true;
  return (message) => {
    if (message.type === 'BOOKMARK') return line('BOOKMARK', json(bookmark(message, view)));
    if (view.representation !== 'table') return line(message.type, renderObject(message.entry, view));
    const { object } = message.entry;
    const one = table([object], view, { resourceVersion: object.metadata?.resourceVersion });
    if (!first) one['columnDefinitions'] = null;
    first = false;
    return line(message.type, json(one));
  };
}

/** One line of a watch. */
export function line(type: string, object: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`{"type":"${type}","object":`), object, Buffer.from('}\n')]);
}

function bookmark(message: WatchMessage & { type: 'BOOKMARK' }, view: View): Record<string, unknown> {
  const metadata = {
    resourceVersion: message.resourceVersion,
    creationTimestamp: null,
    ...(message.initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
  };
  if (view.representation === 'table') return table([], view, { resourceVersion: message.resourceVersion });
  if (view.representation === 'metadata' || view.representation === 'metadata-list') {
    return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
  }
  return { kind: view.served.def.resource.kind, apiVersion: apiVersionOf(view.served), metadata };
}

function partial(object: AnyObject): Record<string, unknown> {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

function table(objects: readonly AnyObject[], view: View, metadata: Record<string, unknown>): Record<string, unknown> {
  const { def, legacy } = view.served;
  const columns = view.subresource === 'scale' ? scaleColumns : (legacy?.columns ?? def.columns);
  // The columns of a kind read its stored version.
  const stored = legacy?.upgrade && !legacy.columns ? objects.map((o) => legacy.upgrade!(structuredClone(o))) : objects;
  const made = tableOf(def, stored, view.now(), columns);
  const rows =
    view.includeObject === 'Metadata'
      ? made.rows
      : made.rows.map((row, i) => ({ ...row, object: view.includeObject === 'Object' ? objects[i] : undefined }));
  return { ...made, metadata, rows };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
