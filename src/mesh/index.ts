export type { Proxy } from './proxy.ts';
export { defaultMeshConfig, snapshotKinds, snapshotOf, type MeshConfig, type Snapshot } from './snapshot.ts';
export { problemText, type Problem } from './problem.ts';
