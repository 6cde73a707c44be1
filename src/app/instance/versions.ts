/** What this is, and what it speaks. */
import manifest from '../../../package.json' with { type: 'json' };
import { ENVOY_VERSION } from './envoy-binary.edge.ts';

export const versions = { sluice: manifest.version, kubernetes: 'v1.35.2', envoy: ENVOY_VERSION, node: process.versions.node } as const;
