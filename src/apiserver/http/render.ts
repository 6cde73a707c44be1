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

/** A list in the form asked for. */
export function renderList(list: EntryList, view: View): Buffer {
  const metadata = {
    resourceVersion: list.resourceVersion,
    ...(list.continue ? { continue: list.continue } : {}),
    ...(list.remainingItemCount !== undefined ? { remainingItemCount: list.remainingItemCount } : {}),
  };
  switch (view.representation) {
    case 'table':
      return json(
        table(
          list.items.map((e) => e.object),
          view,
          metadata,
        ),
      );
    case 'metadata':
    case 'metadata-list':
      return json({
        kind: 'PartialObjectMetadataList',
        apiVersion: 'meta.k8s.io/v1',
        metadata,
        items: list.items.map((e) => partial(e.object)),
      });
    default: {
      const head = JSON.stringify({ kind: `${view.served.def.resource.kind}List`, apiVersion: apiVersionOf(view.served), metadata });
      const parts: Buffer[] = [Buffer.from(`${head.slice(0, -1)},"items":[`)];
      list.items.forEach((entry, i) => {
        if (i > 0) parts.push(COMMA);
        parts.push(entry.bytes);
      });
      parts.push(Buffer.from(']}\n'));
      return Buffer.concat(parts);
    }
  }
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
  const made = tableOf(def, objects, view.now(), columns);
  const rows =
    view.includeObject === 'Metadata'
      ? made.rows
      : made.rows.map((row, i) => ({ ...row, object: view.includeObject === 'Object' ? objects[i] : undefined }));
  return { ...made, metadata, rows };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
