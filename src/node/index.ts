export type { BuiltinImage, ImageCatalog, ImageMount, ImageReference, ImageUse } from './images.ts';
export { HOST_IMAGE, parseImage } from './images.ts';
export { runAgent, type AgentOptions } from './agent.edge.ts';
export type { Capture, HostPort, NodeCheck, NodeSandbox } from './net/types.ts';
export { DNS_ADDRESS, GATEWAY, NODE_ADDRESS, SERVICE_CIDR } from './net/addresses.ts';
export { openEdge, type Edge } from './net/host-ports.edge.ts';
export { sealDescriptors } from './net/sys.edge.ts';
export { adoptNode, insideOf, startNode, stopNode } from './sandbox/node.edge.ts';
export { checkNode } from './sandbox/check.edge.ts';
