/** What was written for Argo Rollouts, read as it comes: fields of any shape, found by what they are. Pure. */

export type Fields = Readonly<Record<string, unknown>>;

/** Empty when it is no object. */
export const fields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
export const items = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
/** Numbers are also written as texts. */
export function number(value: unknown): number | undefined {
  const n = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof n === 'number' && Number.isFinite(n) ? n : undefined;
}

export interface Source {
  readonly kind: string;
  readonly name: string;
  /** Undefined: that of the rest. */
  readonly namespace: string | undefined;
  readonly metadata: Fields;
  readonly spec: Fields;
  readonly object: Fields;
}

/** Every object of the documents, those within Lists too. */
export function sourcesIn(documents: readonly unknown[]): Source[] {
  return documents.flatMap((document) => {
    const object = fields(document);
    const kind = text(object['kind']) ?? '';
    if (kind.endsWith('List') && Array.isArray(object['items'])) return sourcesIn(object['items']);
    const metadata = fields(object['metadata']);
    const name = text(metadata['name']) ?? text(metadata['generateName']) ?? '';
    return [{ kind, name, namespace: text(metadata['namespace']), metadata, spec: fields(object['spec']), object }];
  });
}

/** One thing of the source that has no equivalent, or another one. */
export interface Note {
  /** `Rollout guestbook`. */
  readonly object: string;
  /** Where it stands there, e.g. `spec.strategy.canary.steps[2].experiment`. */
  readonly path: string;
  /** What becomes of it and why, and what to do where there is something to do. */
  readonly message: string;
}

export class Notes {
  readonly all: Note[] = [];

  /** Says it once, however often it is come to. */
  add(source: Pick<Source, 'kind' | 'name'>, path: string, message: string): void {
    const object = `${source.kind} ${source.name}`;
    if (!this.all.some((n) => n.object === object && n.path === path && n.message === message)) this.all.push({ object, path, message });
  }
}
