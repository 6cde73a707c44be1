/** Analyzes the mesh of an instance, of files, or of files as if they were applied. */
import { createCatalog, keyOf, keyText, Secrets, type Key, type KubeObject } from '../../api/index.ts';
import { rfc3339, systemClock } from '../../base/index.ts';
import { analyze, snapshotOf, type Problem } from '../../mesh/index.ts';
import { meshSnapshot, typed } from './explain.edge.ts';
import { documentsOf } from '../object-files.edge.ts';
import type { InstancePaths } from '../instance/paths.ts';
import { toldProblems } from '../mesh/istiod.edge.ts';
import { reach } from './proxy-admin.edge.ts';
import { refusalsOf } from './refusals.ts';

export interface Analysis {
  readonly files: readonly string[];
  /** Whether the objects of the instance are looked at, too. */
  readonly cluster: boolean;
  /** Problems of other namespaces are not told of. */
  readonly namespace?: string;
}

export async function analyzeMesh(paths: InstancePaths, { files, cluster, namespace }: Analysis): Promise<readonly Problem[]> {
  const read = files.flatMap(objectsOf);
  const refused = read.flatMap((r) => r.refusals);
  const written = read.flatMap((r) => (r.refusals.length ? [] : [r.object]));
  const secrets = new Set(written.filter((o) => o.kind === 'Secret').map((o) => `${o.metadata?.namespace}/${o.metadata?.name}`));
  let there: KubeObject[] = [];
  if (cluster) {
    const { config: _config, ...maps } = await meshSnapshot(paths);
    there = Object.values(maps).flatMap((map) => [...(map as ReadonlyMap<string, KubeObject>).values()]);
    const { items } = await reach(paths, (client) => client.list(Secrets));
    for (const s of items) secrets.add(`${s.metadata?.namespace}/${s.metadata?.name}`);
  }
  const found = analyze({ snapshot: snapshotOf([...there, ...written]), ...(cluster || secrets.size ? { secrets } : {}) });
  // What is said of an object that a file replaces would be said of what it was.
  const replaced = new Set(read.map(({ object }) => nameOf(object.kind, keyOf(object))));
  const told = cluster ? (await toldProblems(paths)).filter((p) => !replaced.has(nameOf(p.object.kind, p.object))) : [];
  const problems = [...refused, ...found, ...told];
  return namespace === undefined ? problems : problems.filter((p) => (p.object.namespace ?? p.object.name) === namespace);
}

const nameOf = (kind: string | undefined, key: Key): string => `${kind} ${keyText(key)}`;

/** The objects of a file (`-`: standard input), in the versions that the mesh reads and with a namespace; and what is refused of them. */
function objectsOf(file: string): { object: KubeObject; refusals: readonly Problem[] }[] {
  const catalog = createCatalog();
  return documentsOf(file)
    .flatMap(listed)
    .map((object) => {
      const [version = '', group = ''] = (object.apiVersion ?? '').split('/').reverse();
      const def = catalog.findKind(group, version, object.kind ?? '')?.def;
      if (!def) return { object, refusals: [] };
      const { resource } = def;
      const { metadata } = object;
      // What is not there yet would be the youngest of its kind.
      const creationTimestamp = metadata?.creationTimestamp ?? rfc3339(systemClock.now());
      const namespaced = resource.namespaced ? { namespace: metadata?.namespace ?? 'default' } : {};
      const whole = typed(resource, { ...object, metadata: { ...metadata, ...namespaced, creationTimestamp } });
      return { object: whole, refusals: refusalsOf(def, whole) };
    });
}

function listed(document: KubeObject & { items?: KubeObject[] }): KubeObject[] {
  return document.kind?.endsWith('List') && document.items ? document.items : [document];
}
