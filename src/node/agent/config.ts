import { Fault } from '../../base/index.ts';

/** What the control plane tells the agent when it starts it: one JSON argument. Paths are absolute. */
export interface AgentConfig {
  /** `sluice`. */
  readonly nodeName: string;
  /** The API server's Unix socket. */
  readonly apiSocket: string;
  /** Where to serve the node's own API. */
  readonly nodeSocket: string;
  /** One directory a pod; outlives the node. */
  readonly podsDir: string;
  /** Sockets and mounts of this run of the node. */
  readonly runDir: string;
  /** A module that exports `createImageCatalog(config: AgentConfig): ImageCatalog`. */
  readonly catalogModule: string;
}

const FIELDS = ['nodeName', 'apiSocket', 'nodeSocket', 'podsDir', 'runDir', 'catalogModule'] as const;

/** Reads the agent's argument. Throws `Fault` naming what is missing. */
export function parseAgentConfig(text: string | undefined): AgentConfig {
  const value = JSON.parse(text ?? '{}') as Partial<Record<(typeof FIELDS)[number], unknown>>;
  for (const field of FIELDS) {
    if (typeof value[field] !== 'string') {
      throw new Fault('AgentConfigInvalid', `the agent's configuration has no ${field}`, { hint: 'Start the node with "sluice up".' });
    }
  }
  return value as AgentConfig;
}
