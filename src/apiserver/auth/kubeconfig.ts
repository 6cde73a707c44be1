import { parseDocument, YAMLMap, YAMLSeq, type Document } from 'yaml';
import { Fault } from '../../base/index.ts';

/** One cluster as a kubeconfig names it: cluster, user and context all go by `name`. */
export interface KubeconfigEntry {
  readonly name: string;
  /** `https://127.0.0.1:16443`. */
  readonly server: string;
  /** PEM. */
  readonly caCert: string;
  readonly token: string;
}

/** The text of a kubeconfig with the entry in it, made the current context; everything else stays as it was. */
export function withContext(text: string, entry: KubeconfigEntry, source = 'kubeconfig'): string {
  const doc = read(text, source);
  const { name } = entry;
  put(doc, 'clusters', {
    name,
    cluster: { server: entry.server, 'certificate-authority-data': Buffer.from(entry.caCert, 'utf8').toString('base64') },
  });
  put(doc, 'users', { name, user: { token: entry.token } });
  put(doc, 'contexts', { name, context: { cluster: name, user: name } });
  doc.set('current-context', name);
  return doc.toString({ lineWidth: 0 });
}

/** The text of a kubeconfig without the entry; the current context is cleared when it was this one. */
export function withoutContext(text: string, name: string, source = 'kubeconfig'): string {
  const doc = read(text, source);
  for (const list of ['clusters', 'users', 'contexts']) {
    const seq = doc.get(list);
    if (seq instanceof YAMLSeq) seq.items = seq.items.filter((item) => !(item instanceof YAMLMap && item.get('name') === name));
  }
  if (doc.get('current-context') === name) doc.set('current-context', '');
  return doc.toString({ lineWidth: 0 });
}

function read(text: string, source: string): Document {
  const doc = parseDocument(text);
  const hint = 'Correct the file, or point KUBECONFIG at another one.';
  const error = doc.errors[0];
  if (error) throw new Fault('KubeconfigUnreadable', `${source} is not valid YAML: ${error.message.split('\n')[0]}`, { hint });
  if (doc.contents === null) {
    return parseDocument('apiVersion: v1\nkind: Config\n');
  }
  if (!(doc.contents instanceof YAMLMap)) throw new Fault('KubeconfigUnreadable', `${source} is not a kubeconfig`, { hint });
  return doc;
}

function put(doc: Document, list: string, entry: { name: string; [field: string]: unknown }): void {
  const seq = doc.get(list);
  if (!(seq instanceof YAMLSeq)) {
    doc.set(list, doc.createNode([entry]));
    return;
  }
  seq.flow = false;
  const at = seq.items.findIndex((item) => item instanceof YAMLMap && item.get('name') === entry.name);
  if (at < 0) seq.items.push(doc.createNode(entry));
  else seq.items[at] = doc.createNode(entry);
}

/** The current context of a kubeconfig that {@link withContext} has made. */
export function readContext(text: string, source = 'kubeconfig'): KubeconfigEntry {
  const doc = read(text, source);
  const name = doc.get('current-context');
  const named = (list: string): YAMLMap | undefined => {
    const seq = doc.get(list);
    return seq instanceof YAMLSeq
      ? seq.items.find((item): item is YAMLMap => item instanceof YAMLMap && item.get('name') === name)
      : undefined;
  };
  const server = named('clusters')?.getIn(['cluster', 'server']);
  const ca = named('clusters')?.getIn(['cluster', 'certificate-authority-data']);
  const token = named('users')?.getIn(['user', 'token']);
  if (typeof name !== 'string' || typeof server !== 'string' || typeof ca !== 'string' || typeof token !== 'string') {
    throw new Fault('KubeconfigUnreadable', `${source} does not say how to reach ${JSON.stringify(name ?? '')}`, {
      hint: 'Start the instance again: it writes the file anew.',
    });
  }
  return { name, server, caCert: Buffer.from(ca, 'base64').toString('utf8'), token };
}
