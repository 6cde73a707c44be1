export { instancePaths, type InstancePaths } from './paths.ts';
export { down, status, up, type InstanceStatus } from './instance.edge.ts';
export { examine } from './doctor.edge.ts';
export { bundledTool, findKubectl } from './kubectl.edge.ts';
export { ensureEnvoy, ENVOY_VERSION } from './envoy-binary.edge.ts';
