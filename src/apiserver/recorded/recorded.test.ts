import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { ApiError, apiVersionOf, createCatalog, versionsOf } from '../../api/index.ts';
import { authWorld } from '../auth/testing.ts';
import { casesIn, comparable, objectOf, RECORDER, refusal, servedIn, type Answer, type Case } from './case.ts';

const CASES = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.jsonl'))
  .flatMap((file) => casesIn(readFileSync(`${import.meta.dirname}/${file}`, 'utf8')));
const byKind = Map.groupBy(CASES, ({ of }) => of);

/** Kinds that refuse less than two things, and why. */
const REFUSES_LITTLE: Readonly<Record<string, string>> = {
  'authentication.k8s.io/v1 selfsubjectreviews': 'there is nothing to say in one',
};
/** Kinds of which no case can hold that one is taken, and why. */
const NEVER_TAKEN: Readonly<Record<string, string>> = {
  'v1 bindings': 'there has to be a pod: bindings.test.ts',
};

/** What a case gets here; `of` another version when that is asked for instead of the case's own. */
async function answerTo({ of, least, line: { was, set } }: Case, asked = of): Promise<Answer> {
  const { registry } = await authWorld();
  const served = servedIn(registry.catalog, asked);
  const target = { served, namespace: served.def.resource.namespaced ? 'default' : undefined, user: RECORDER };
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

/** A refusal of what cannot be read names the version that it was read in. */
const readIn = (version: string, gets: Answer): Answer =>
  'message' in gets ? { ...gets, message: gets.message!.replace(/ in version "\w+" /, ` in version "${version}" `) } : gets;

const titleOf = ({ line: { was, set = {} } }: Case): string => `${was ? `${JSON.stringify(was)} -> ` : ''}${JSON.stringify(set)}`;

for (const [of, cases] of byKind) {
  describe(of, () => {
    for (const one of cases) {
      const { gets, differs } = one.line;
      test(titleOf(one), async () => {
        const answer = await answerTo(one);
        if (differs) assert.notDeepEqual(answer, gets, `the same by now: ${differs}`);
        else assert.deepEqual(answer, gets);
      });
    }
  });
}

for (const def of createCatalog().all()) {
  if (def.verbs && !def.verbs.includes('create')) continue;
  for (const served of versionsOf(def)) {
    const of = `${apiVersionOf(served)} ${def.resource.plural}`;
    const own = byKind.get(of);
    // An old version that only its name tells from the stored one answers as that does.
    const cases = own ?? (served.legacy && !served.legacy.upgrade && byKind.get(`${apiVersionOf(def.resource)} ${def.resource.plural}`));

    test(`${of}: there are an object and two refusals`, () => {
      const { stored = [], refused = [] } = Object.groupBy(cases || [], ({ line: { gets } }) =>
        gets && 'object' in gets ? 'stored' : 'refused',
      );
      assert.equal(stored.length === 0, of in NEVER_TAKEN, `${stored.length} objects`);
      assert.equal(refused.length < 2, of in REFUSES_LITTLE, `${refused.length} refusals`);
    });

    if (own || !cases) continue;
    test(`${of}: as the stored version`, async () => {
      for (const one of cases) {
        const { gets, differs } = one.line;
        if (differs || !gets) continue;
        const wanted = 'object' in gets ? { object: { ...gets.object, apiVersion: apiVersionOf(served) } } : readIn(served.version, gets);
        assert.deepEqual(await answerTo(one, of), wanted, titleOf(one));
      }
    });
  }
}
