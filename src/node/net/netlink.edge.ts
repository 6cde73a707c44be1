import { Fault } from '../../base/index.ts';
import { encode, replies, type Request } from './message.ts';
import { AF_NETLINK, closeDescriptor, errnoName, growSendBuffer, openSocket, receiveNow, sendDatagram, SOCK_RAW } from './sys.edge.ts';

const PROTOCOL = { route: 0, netfilter: 12 };
const SEND_ROOM = 200_000;

/**
 * Sends requests in one datagram, in the network namespace this thread is in now, and throws `Fault` with the first that
 * failed. The kernel works netlink off inside `send`, so all it has to say is there when that returns.
 */
export function transact(protocol: 'route' | 'netfilter', requests: readonly Request[]): void {
  const seq = 1;
  const data = encode(requests, seq);
  const fd = openSocket(AF_NETLINK, SOCK_RAW, PROTOCOL[protocol]);
  try {
    if (data.length > SEND_ROOM) growSendBuffer(fd, data.length * 2);
    sendDatagram(fd, data, `send ${data.length} bytes to the kernel's ${protocol} table`);
    const buffer = new Uint8Array(65_536);
    let answered = false;
    for (let part = receiveNow(fd, buffer); part !== undefined; part = receiveNow(fd, buffer)) {
      for (const reply of replies(part)) {
        answered = true;
        if (reply.errno !== 0) throw refused(requests[reply.seq - seq], reply.errno);
      }
    }
    if (!answered) throw new Fault('KernelRefused', `the kernel did not answer ${requests.at(-1)?.what}`, { hint: 'Run "sluice doctor".' });
  } finally {
    closeDescriptor(fd);
  }
}

function refused(request: Request | undefined, errno: number): Fault {
  return new Fault('KernelRefused', `${request?.what ?? 'network change'}: ${errnoName(errno)}`, {
    hint: 'Run "sluice doctor" to see what this machine allows.',
    cause: { errno },
  });
}

/** Whether a fault came from the kernel with this errno name (`ENODEV`). */
export function isRefusal(error: unknown, name: string): boolean {
  return error instanceof Fault && error.code === 'KernelRefused' && error.message.endsWith(`: ${name}`);
}
