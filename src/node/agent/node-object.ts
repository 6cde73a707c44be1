import { rfc3339 } from '../../base/index.ts';
import { NODE_ADDRESS } from '../net/addresses.ts';
import type { Node } from '../objects.ts';
import type { NodeFacts } from '../plan/types.ts';

/** The machine as its Node object describes it. */
export interface MachineFacts extends NodeFacts {
  readonly machineId: string;
  readonly bootId: string;
  readonly kernel: string;
  readonly osImage: string;
  readonly architecture: string;
  readonly diskBytes: number;
}

export const KUBELET_VERSION = 'v1.35.2';
const MAX_PODS = 250;

/** The Node object without its status. */
export function nodeObject(facts: MachineFacts): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: facts.name,
      labels: {
        'kubernetes.io/hostname': facts.name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': facts.architecture,
        'node-role.kubernetes.io/control-plane': '',
      },
    },
    spec: { podCIDR: '10.244.0.0/16', podCIDRs: ['10.244.0.0/16'] },
  };
}

/** Its status: ready as of `now` (milliseconds since the epoch). */
export function nodeStatus(facts: MachineFacts, old: Node['status'], now: number): NonNullable<Node['status']> {
  const resources = {
    cpu: String(facts.cpus),
    memory: `${Math.floor(facts.memoryBytes / 1024)}Ki`,
    'ephemeral-storage': `${Math.floor(facts.diskBytes / 1024)}Ki`,
    pods: String(MAX_PODS),
  };
  const condition = (type: string, status: string, reason: string, message: string) => {
    const before = old?.conditions?.find((c) => c.type === type);
    const since = before?.status === status && before.lastTransitionTime ? before.lastTransitionTime : rfc3339(now);
    return { type, status, reason, message, lastHeartbeatTime: rfc3339(now), lastTransitionTime: since };
  };
  return {
    capacity: resources,
    allocatable: resources,
    conditions: [
      condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'the node has sufficient memory available'),
      condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'the node has no disk pressure'),
      condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'the node has sufficient PID available'),
      condition('Ready', 'True', 'KubeletReady', 'the node is posting ready status'),
    ],
    addresses: [
      { type: 'InternalIP', address: NODE_ADDRESS },
      { type: 'Hostname', address: facts.name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    nodeInfo: {
      machineID: facts.machineId,
      systemUUID: facts.machineId,
      bootID: facts.bootId,
      kernelVersion: facts.kernel,
      osImage: facts.osImage,
      containerRuntimeVersion: 'sluice://0.1.0',
      kubeletVersion: KUBELET_VERSION,
      kubeProxyVersion: KUBELET_VERSION,
      operatingSystem: 'linux',
      architecture: facts.architecture,
    },
  };
}
