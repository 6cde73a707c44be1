/** What tests of other rooms may use of this one. */
export { FakeClient, type FakeCall } from './fake-client.ts';
export { clientContract, type ClientUnderTest } from './client.contract.ts';
