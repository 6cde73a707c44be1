import { fileURLToPath } from 'node:url';
import type { AgentConfig } from './config.ts';

const ENTRY = fileURLToPath(new URL('../agent.edge.ts', import.meta.url));

/** Arguments for Node, to be run inside the node's namespaces ({@link NodeSandbox.enter}). The process may be killed at any time. */
export function agentArguments(config: AgentConfig): string[] {
  return [ENTRY, JSON.stringify(config)];
}
