export { instancePaths, type InstancePaths } from './paths.ts';
export { down, probe, status, up, type InstanceConfig, type InstanceStatus, type UpOptions } from './instance.edge.ts';
export { examine, type Check } from './doctor.edge.ts';
export { bundledTool, findKubectl } from './kubectl.edge.ts';
export { ensureEnvoy, findEnvoy, ENVOY_VERSION } from './envoy-binary.edge.ts';
