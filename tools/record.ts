/**
 * Asks a real Kubernetes API server what the cases of `src/apiserver/recorded/` get, and writes the answers down:
 *   KUBE_TOKEN=... node tools/record.ts https://127.0.0.1:6443
 * The server has to have no admission plugins but those on by default, without ServiceAccount,
 * StorageObjectInUseProtection and TaintNodesByCondition; certificates are not checked.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createCatalog, pathOf, type AnyObject } from '../src/api/index.ts';
import { casesIn, comparable, objectOf, refusal, servedIn, type Answer, type Case } from '../src/apiserver/recorded/case.ts';

const [base] = process.argv.slice(2);
const headers = { authorization: `Bearer ${process.env['KUBE_TOKEN']}`, 'content-type': 'application/json' };
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';

async function ask(method: string, path: string, body?: object): Promise<AnyObject> {
  const response = await fetch(base + path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  return (await response.json()) as AnyObject;
}

/** Deletes an object at once, whatever would wait for controllers that may not be there. */
async function remove(path: string, object: AnyObject): Promise<void> {
  await ask('DELETE', `${path}?gracePeriodSeconds=0&propagationPolicy=Background`);
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

const folder = new URL('../src/apiserver/recorded/', import.meta.url);
for (const file of readdirSync(folder).filter((name) => name.endsWith('.jsonl'))) {
  const lines: string[] = [];
  for (const one of casesIn(readFileSync(new URL(file, folder), 'utf8')))
    lines.push(JSON.stringify({ ...one.line, gets: await answerTo(one) }));
  writeFileSync(new URL(file, folder), `${lines.join('\n')}\n`);
  process.stdout.write(`${file}: ${lines.length}\n`);
}
