import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ApiError } from '../../api/index.ts';
import { world } from '../testing.ts';
import { casesIn, comparable, objectOf, refusal, servedIn, type Answer, type Case } from './case.ts';

async function answerTo({ of, least, line: { was, set } }: Case): Promise<Answer> {
  const { registry } = await world();
  const served = servedIn(registry.catalog, of);
  const target = { served, namespace: served.def.resource.namespaced ? 'default' : undefined, user: { name: 'tester', groups: [] } };
  const given = objectOf(served, least, was, set);
  const write = async (): Promise<Answer> => {
    if (!was) return { object: comparable((await registry.create(target, { value: given }, {})).object, given) };
    const made = await registry.create(target, { value: objectOf(served, least, was) }, {});
    const written = await registry.update({ ...target, name: made.object.metadata!.name }, { value: given }, {});
    return { object: comparable(written.object, given) };
  };
  return write().catch((error: unknown) => {
    if (error instanceof ApiError) return refusal(error);
    throw error;
  });
}

for (const file of readdirSync(import.meta.dirname).filter((name) => name.endsWith('.jsonl'))) {
  for (const one of casesIn(readFileSync(`${import.meta.dirname}/${file}`, 'utf8'))) {
    const { was, set = {}, gets, differs } = one.line;
    test(`${one.of} ${was ? `${JSON.stringify(was)} -> ` : ''}${JSON.stringify(set)}`, async () => {
      const answer = await answerTo(one);
      if (differs) assert.notDeepEqual(answer, gets, `the same by now: ${differs}`);
      else assert.deepEqual(answer, gets);
    });
  }
}
