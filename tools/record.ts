/**
 * Asks a real Kubernetes API server what the cases of `src/apiserver/recorded/` get, and writes the answers down:
 *   KUBE_TOKEN=... node tools/record.ts https://127.0.0.1:6443 [file...]
 * The server has to have no admission plugins but those on by default, without ServiceAccount,
 * StorageObjectInUseProtection and TaintNodesByCondition; it allows privileged containers. The token is that of `RECORDER`;
 * certificates are not checked. Kinds that are custom there are defined first, as they are here. What no server serves any more
 * (`older.jsonl`) stays as it is.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCatalog, pathOf, type AnyObject, type Served } from '../src/api/index.ts';
import { casesIn, comparable, objectOf, refusal, servedIn, type Answer, type Case } from '../src/apiserver/recorded/case.ts';

const [base, ...chosen] = process.argv.slice(2);
const headers = { authorization: `Bearer ${process.env['KUBE_TOKEN']}`, 'content-type': 'application/json' };
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';

async function ask(method: string, path: string, body?: object): Promise<AnyObject> {
  const response = await fetch(base + path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  // A group that nobody serves is answered in plain text.
  const text = await response.text();
  return response.headers.get('content-type')?.includes('json')
    ? (JSON.parse(text) as AnyObject)
    : { status: 'Failure', message: text, code: response.status };
}

/** Deletes an object at once, whatever would wait for controllers that may not be there. */
async function remove(path: string, object: AnyObject): Promise<void> {
  await ask('DELETE', `${path}?gracePeriodSeconds=0&propagationPolicy=Background`);
  // A definition goes with its objects, which takes a moment.
  if (object.kind === 'CustomResourceDefinition') while ((await ask('GET', path))['code'] !== 404) await sleep(50);
  if (object.kind !== 'Namespace') return;
  await ask('PUT', `${path}/finalize`, { ...object, metadata: { name: object.metadata!.name }, spec: { finalizers: [] } });
}

const catalog = createCatalog();

/** Creates an object, in the place of one that an earlier run left. */
async function create(collection: string, object: AnyObject): Promise<AnyObject> {
  const first = await ask('POST', collection, object);
  if (first['reason'] !== 'AlreadyExists') return first;
  await remove(`${collection}/${object.metadata!.name}`, object);
  return ask('POST', collection, object);
}

async function answerTo({ of, least, line: { was, set } }: Case): Promise<Answer> {
  const served = servedIn(catalog, of);
  const resource = { ...served.def.resource, group: served.group, version: served.version };
  const collection = pathOf(resource, { namespace: 'default' });
  const given = objectOf(served, least, was, set);
  let answer: AnyObject;
  if (was) {
    const made = await create(collection, objectOf(served, least, was));
    if (made['status'] === 'Failure') throw new Error(`${of} ${JSON.stringify(was)}: ${JSON.stringify(made)}`);
    answer = await ask('PUT', `${collection}/${made.metadata!.name}`, given);
    await remove(`${collection}/${made.metadata!.name}`, made);
  } else {
    answer = await create(collection, given);
    if (answer['status'] !== 'Failure') await remove(`${collection}/${answer.metadata!.name}`, answer);
  }
  return answer['status'] === 'Failure' ? refusal(answer as Parameters<typeof refusal>[0]) : { object: comparable(answer, given) };
}

/** Defines a custom kind as it is here, and waits until it is served. */
async function define({ def }: Served): Promise<void> {
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const definition = def.definition!() as object as AnyObject;
  const made = await ask('POST', path, definition);
  if (made['status'] === 'Failure' && made['reason'] !== 'AlreadyExists') throw new Error(JSON.stringify(made));
  for (;;) {
    const { status } = (await ask('GET', `${path}/${definition.metadata!.name}`)) as {
      status?: { conditions?: { type: string; status: string }[] };
    };
    if (status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True')) return;
    await sleep(100);
  }
}

function memoized<T>(work: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (key) => {
    if (!known.has(key)) known.set(key, work(key));
    return known.get(key)!;
  };
}

/** Whether the server serves what a case is about. */
const isServed = memoized(async (of: string): Promise<boolean> => {
  const served = servedIn(catalog, of);
  if (served.def.definition) await define(served);
  const { resource } = served.def;
  for (let attempt = 0; attempt < 50; attempt++) {
    const answer = await ask('GET', pathOf({ ...resource, group: served.group, version: served.version }, { namespace: 'default' }));
    if (answer['code'] !== 404) return true;
    if (!served.def.definition) return false;
    await sleep(100);
  }
  throw new Error(`${of} does not come`);
});

const folder = new URL('../src/apiserver/recorded/', import.meta.url);
for (const file of readdirSync(folder).filter((name) => name.endsWith('.jsonl') && (chosen.length === 0 || chosen.includes(name)))) {
  const lines: string[] = [];
  for (const one of casesIn(readFileSync(new URL(file, folder), 'utf8')))
    lines.push(JSON.stringify((await isServed(one.of)) ? { ...one.line, gets: await answerTo(one) } : one.line));
  writeFileSync(new URL(file, folder), `${lines.join('\n')}\n`);
  process.stdout.write(`${file}: ${lines.length}\n`);
}
