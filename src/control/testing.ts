/** What tests of other rooms may use of this one. */
export { FakeClient } from './fake-client.ts';
export { clientContract } from './client.contract.ts';
