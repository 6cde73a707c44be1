import type { Column, KindDef } from './kind.ts';
import type { AnyObject, ObjectMeta } from './object.ts';

export interface TableColumn {
  name: string;
  type: string;
  format: string;
  description: string;
  priority: number;
}

export interface TableRow {
  cells: (string | number | boolean | null)[];
  object: { kind: 'PartialObjectMetadata'; apiVersion: 'meta.k8s.io/v1'; metadata: ObjectMeta };
}

/** `meta.k8s.io/v1` Table, the form in which `kubectl get` asks for objects. */
export interface Table {
  kind: 'Table';
  apiVersion: 'meta.k8s.io/v1';
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  columnDefinitions: TableColumn[];
  rows: TableRow[];
}

/**
 * Objects as a Table; `now` in milliseconds, for ages. `columns` are those of the version asked for. The metadata of the
 * list is the caller's to fill in.
 */
export function tableOf(def: KindDef, objects: readonly AnyObject[], now: number, columns: readonly Column[] = def.columns): Table {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: {},
    columnDefinitions: columns.map((c) => ({
      name: c.name,
      type: c.type,
      format: c.format ?? '',
      description: c.description ?? '',
      priority: c.priority,
    })),
    rows: objects.map((object) => ({
      cells: columns.map((c) => c.value(object, now)),
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata ?? {} },
    })),
  };
}
