export { createCa, createRoot, type Ca, type CaRoot, type IssuedCertificate } from './authority.edge.ts';
export { createIdentities, type Identities } from './identities.ts';
export { spiffeId, type Identity } from './identity.ts';
export { loadRoot } from './root-files.edge.ts';
