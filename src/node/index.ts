export type { BuiltinImage, ImageCatalog, ImageUse } from './images.ts';
export { runAgent } from './agent.edge.ts';
export { API_ADDRESS } from './net/addresses.ts';
export type { HostPort, NodeSandbox } from './net/types.ts';
export { openEdge } from './net/host-ports.edge.ts';
export { sealDescriptors } from './net/sys.edge.ts';
export { adoptNode, insideOf, startNode, stopNode } from './sandbox/node.edge.ts';
export { checkNode } from './sandbox/check.edge.ts';
