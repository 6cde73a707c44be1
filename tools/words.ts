/**
 * Writes down what a real Kubernetes API server says in words of the kinds that are served here too:
 *   KUBE_TOKEN=... node tools/words.ts https://127.0.0.1:6443
 * Certificates are not checked. Run it when the version that is reported changes.
 */
import { writeFileSync } from 'node:fs';
import { brotliCompressSync } from 'node:zlib';
import { createCatalog, openApiOf } from '../src/api/index.ts';

interface Document {
  components?: { schemas?: Record<string, { description?: string; properties?: Record<string, { description?: string }> }> };
}

const [base] = process.argv.slice(2);
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';

async function read(path: string): Promise<object> {
  const response = await fetch(base + path, { headers: { authorization: `Bearer ${process.env['KUBE_TOKEN']}` } });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return (await response.json()) as object;
}

/** Names of Kubernetes' own messages; definitions may be there beside them. */
const KUBERNETES = /^io\.k8s\.(api|apimachinery|apiextensions-apiserver|kube-aggregator)\./;

const own = openApiOf(createCatalog());
const { paths } = (await read('/openapi/v3')) as { paths: Record<string, { serverRelativeURL: string }> };
const words = new Map<string, Record<string, string>>();
for (const [path, { serverRelativeURL }] of Object.entries(paths)) {
  const document = own.document(path);
  if (!document) continue;
  const wanted = (JSON.parse(document.text) as Document).components?.schemas ?? {};
  const { components } = (await read(serverRelativeURL)) as Document;
  for (const [name, { description, properties = {} }] of Object.entries(components?.schemas ?? {})) {
    if (!wanted[name] || !KUBERNETES.test(name)) continue;
    const said = [['', description], ...Object.entries(properties).map(([field, its]) => [field, its.description])];
    words.set(name, Object.fromEntries(said.filter(([, text]) => text)) as Record<string, string>);
  }
}
const sorted = Object.fromEntries([...words].sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(new URL('../data/kubernetes-words.json.br', import.meta.url), brotliCompressSync(JSON.stringify(sorted)));
process.stdout.write(`${words.size} messages\n`);
