import { lstatSync, mkdirSync, readdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { GATEWAY, ipv4Bytes, nextPodAddress, NODE_ADDRESS } from './addresses.ts';
import { captureTable } from './capture.ts';
import type { Request } from './message.ts';
import { isRefusal, transact } from './netlink.edge.ts';
import { replaceTable } from './nftables.ts';
import { addAddress, addRoute, addVeth, deleteLink, linkUp } from './rtnetlink.ts';
import {
  AF_INET,
  closeDescriptor,
  inNetns,
  inNewNetns,
  keepNetns,
  linkIndex,
  openOwnNetns,
  openSocket,
  releaseNetns,
  SOCK_STREAM,
} from './sys.edge.ts';
import type { PodNetns, PodNetworks } from './types.ts';

const POD_LINK = 'eth0';

/** The node's end of a pod's link, named by its address: 15 letters at most, unique while the pod lives. */
function nodeLink(ip: string): string {
  return `veth${Buffer.from(ipv4Bytes(ip)).toString('hex')}`;
}

/** `<uid>@<ip>`: the file's name is all that has to be remembered of a pod's network. */
function parseHandle(name: string): { uid: string; ip: string } | undefined {
  const m = /^(.+)@([\d.]+)$/.exec(name);
  return m ? { uid: m[1]!, ip: m[2]! } : undefined;
}

/**
 * Pod networks as files under `dir` (inside the node's mount namespace, on any file system). The mount onto the file is the
 * last step of making one: an agent that dies before it leaves nothing but an empty file, since the half-made namespace ends
 * with the thread that was in it.
 */
export function podNetworks(dir: string): PodNetworks {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const live = new Map<string, PodNetns>();
  const device = statSync(dir).dev;
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    const known = parseHandle(name);
    if (known && lstatSync(path).dev !== device) live.set(known.uid, { ...known, path });
    else unlinkSync(path);
  }
  let last: string | undefined = [...live.values()].at(-1)?.ip;

  const find = (uid: string): PodNetns => {
    const pod = live.get(uid);
    if (!pod) throw new Error(`pod ${uid} has no network`);
    return pod;
  };

  const remove = (uid: string): void => {
    const pod = live.get(uid);
    if (!pod) return;
    dropLink(pod.ip);
    releaseNetns(pod.path);
    unlinkSync(pod.path);
    live.delete(uid);
  };

  return {
    list: () => [...live.values()],

    create(uid, capture) {
      remove(uid);
      const ip = nextPodAddress(new Set([...live.values()].map((p) => p.ip)), last);
      const rules = capture === undefined ? [] : replaceTable(captureTable(capture));
      const pod = { uid, ip, path: join(dir, `${uid}@${ip}`) };
      writeFileSync(pod.path, '', { mode: 0o600 });
      try {
        build(pod, rules);
      } catch (e) {
        dropLink(ip);
        unlinkSync(pod.path);
        throw e;
      }
      last = ip;
      live.set(uid, pod);
      return pod;
    },

    remove,

    connect(uid, host, port) {
      const fd = inNetns(find(uid).path, () => openSocket(AF_INET, SOCK_STREAM, 0));
      // A socket stays in the namespace it was made in, wherever it is connected from.
      const socket = new Socket({ fd, manualStart: true } as ConstructorParameters<typeof Socket>[0]);
      return socket.connect({ host, port });
    },

    within: (uid, fn) => inNetns(find(uid).path, fn),
  };
}

function build(pod: PodNetns, rules: readonly Request[]): void {
  const link = nodeLink(pod.ip);
  dropLink(pod.ip);
  const node = openOwnNetns();
  let made: number | undefined;
  try {
    made = inNewNetns(() => {
      wirePod(pod.ip, link, node);
      if (rules.length > 0) transact('netfilter', rules);
      return openOwnNetns();
    });
    transact('route', [linkUp(link)]);
    const index = linkIndex(link);
    transact('route', [addAddress(index, GATEWAY), addRoute({ cidr: `${pod.ip}/32`, link: index, source: NODE_ADDRESS })]);
    keepNetns(made, pod.path);
  } finally {
    closeDescriptor(node);
    if (made !== undefined) closeDescriptor(made);
  }
}

/** The pod's side, with this thread inside it. */
function wirePod(ip: string, nodeSide: string, node: number): void {
  writeFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', '0');
  transact('route', [linkUp('lo'), addVeth(POD_LINK, nodeSide, node), linkUp(POD_LINK)]);
  const index = linkIndex(POD_LINK);
  transact('route', [
    addAddress(index, ip),
    addRoute({ cidr: `${GATEWAY}/32`, link: index }),
    addRoute({ cidr: '0.0.0.0/0', link: index, via: GATEWAY }),
  ]);
}

function dropLink(ip: string): void {
  try {
    transact('route', [deleteLink(nodeLink(ip))]);
  } catch (e) {
    if (!isRefusal(e, 'ENODEV')) throw e;
  }
}
