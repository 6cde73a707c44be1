/** A table of kubectl commands, each with what must be seen, run against a server of their own. */
import { after, before, test } from 'node:test';
import { startTestApi, type TestApi, type TestApiOptions } from '../support/api-server.ts';
import { runSteps, type Step } from '../support/steps.ts';

/** Each row is a test; its steps, and the rows, build on each other. */
export type Table = Readonly<Record<string, readonly Step[]>>;

/** Returns the server, which is there as soon as tests run. */
export function kubectlTable(table: Table, options: TestApiOptions & { prepare?: (api: TestApi) => Promise<void> } = {}): () => TestApi {
  let api: TestApi;
  before(async () => {
    api = await startTestApi(options);
    await options.prepare?.(api);
  });
  after(() => api.close());
  for (const [what, steps] of Object.entries(table)) test(what, () => runSteps(api.kubectl, steps));
  return () => api;
}
