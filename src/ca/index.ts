export { createCa, createRoot, type Ca, type IssuedCertificate } from './authority.edge.ts';
export { createIdentities, type Identities } from './identities.ts';
export { loadRoot } from './root-files.edge.ts';
export { loadServerPki, type ServerPki } from './server-pki.edge.ts';
