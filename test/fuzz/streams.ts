/** Connections that become streams, with frames that are damaged: WebSocket, SPDY, and SPDY inside WebSocket. */
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { Duplex } from 'node:stream';
import { serveSpdy } from '../../src/apiserver/http/spdy-session.ts';
import { SpdyReader, SpdyWriter, type SpdyFrame } from '../../src/apiserver/http/spdy.ts';
import { below, type Rng } from '../../src/base/index.ts';
import { anyString, chance, oneOf, weighted } from './choice.ts';
import { mutateBytes } from './mutate.ts';

const bytes = (rng: Rng, most: number): Buffer => Buffer.from(Array.from({ length: below(rng, most) }, () => below(rng, 256)));

/** Frames as a client sends them to run a command or to forward a port. */
function anySpdy(rng: Rng): Buffer {
  const writer = new SpdyWriter();
  const parts: Uint8Array[] = [];
  for (let n = below(rng, 12); n > 0; n--) {
    const stream = chance(rng, 0.9) ? 1 + 2 * below(rng, 5) : below(rng, 2 ** 31);
    const frame = weighted<() => SpdyFrame>(rng, [
      [
        5,
        () => ({
          type: 'open',
          stream,
          fin: chance(rng, 0.2),
          headers: {
            streamtype: oneOf(rng, ['error', 'stdin', 'stdout', 'stderr', 'resize', 'data', anyString(rng)]),
            port: oneOf(rng, ['80', '0', '70000', 'x']),
            requestid: oneOf(rng, ['0', '1']),
          },
        }),
      ],
      [5, () => ({ type: 'data', stream, data: bytes(rng, 200), fin: chance(rng, 0.2) })],
      [1, () => ({ type: 'data', stream, data: Buffer.from('{"Width":80,"Height":24}'), fin: false })],
      [1, () => ({ type: 'reset', stream, status: below(rng, 12) })],
      [1, () => ({ type: 'ping', id: below(rng, 10) })],
      [1, () => ({ type: 'reply', stream, headers: {}, fin: false })],
      [0.5, () => ({ type: 'goaway', lastStream: stream })],
    ])();
    parts.push(writer.write(frame));
  }
  const all = Buffer.concat(parts);
  return chance(rng, 0.6) ? mutateBytes(rng, all) : all;
}

/** Gives damaged bytes to the frame reader, cut anywhere, and to a session. What is not SPDY is refused by a throw, never worse. */
export async function fuzzSpdy(rng: Rng): Promise<void> {
  const sent = chance(rng, 0.1) ? bytes(rng, 300) : anySpdy(rng);
  const chunks = cut(rng, sent);
  const reader = new SpdyReader();
  try {
    for (const chunk of chunks) reader.push(chunk);
  } catch {
    // A reason to end the connection.
  }
  const transport = new Duplex({
    read() {
      this.push(chunks.shift() ?? null);
    },
    write: (_chunk, _encoding, done) => setImmediate(done),
  });
  await serveSpdy(transport, (stream) => {
    if (chance(rng, 0.3)) stream.destroy();
    else if (chance(rng, 0.5)) stream.pipe(stream);
    else stream.resume().end('bye');
  });
}

function cut(rng: Rng, whole: Buffer): Buffer[] {
  const out: Buffer[] = [];
  for (let at = 0; at < whole.length;) {
    const next = at + 1 + below(rng, 64);
    out.push(whole.subarray(at, next));
    at = next;
  }
  return out;
}

/** A frame of RFC 6455 from a client; masked, unless it is wrong in that too. */
function webSocketFrame(rng: Rng, opcode: number, payload: Buffer): Buffer {
  const masked = chance(rng, 0.97);
  const mask = bytes(rng, 5).subarray(0, 4);
  const key = Buffer.concat([mask, Buffer.alloc(4 - mask.length)]);
  const head = [(chance(rng, 0.95) ? 0x80 : 0) | (chance(rng, 0.02) ? 0x40 : 0) | opcode];
  const flag = masked ? 0x80 : 0;
  if (payload.length < 126) head.push(flag | payload.length);
  else head.push(flag | 126, payload.length >> 8, payload.length & 255);
  const body = masked ? payload.map((byte, i) => byte ^ key[i % 4]!) : payload;
  return Buffer.concat([Buffer.from(head), masked ? key : Buffer.alloc(0), body]);
}

function anyWebSocket(rng: Rng, tunnel: boolean): Buffer {
  const frames: Buffer[] = [];
  for (let n = below(rng, 8); n > 0; n--) {
    const opcode = weighted(rng, [
      [8, 2],
      [1, 1],
      [1, 9],
      [0.5, 8],
      [0.5, 0],
      [0.3, below(rng, 16)],
    ]);
    const channel = oneOf(rng, [0, 0, 0, 4, 255, 1, 3, 77]);
    const rest = channel === 4 ? Buffer.from(oneOf(rng, ['{"Width":80,"Height":24}', '{"Width":-1}', '{', '[]'])) : bytes(rng, 300);
    frames.push(webSocketFrame(rng, opcode, tunnel ? anySpdy(rng) : Buffer.concat([Buffer.from([channel]), rest])));
  }
  const all = Buffer.concat(frames);
  return chance(rng, 0.3) ? mutateBytes(rng, all) : all;
}

const UPGRADES = [
  { upgrade: 'websocket', verb: 'exec', header: 'Sec-WebSocket-Protocol: v5.channel.k8s.io' },
  { upgrade: 'websocket', verb: 'attach', header: 'Sec-WebSocket-Protocol: v4.channel.k8s.io' },
  { upgrade: 'websocket', verb: 'portforward', header: 'Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io' },
  { upgrade: 'SPDY/3.1', verb: 'exec', header: 'X-Stream-Protocol-Version: v4.channel.k8s.io' },
  { upgrade: 'SPDY/3.1', verb: 'portforward', header: 'X-Stream-Protocol-Version: portforward.k8s.io' },
] as const;

/** Upgrades a connection, sends frames, and goes away at some moment. Resolves to a problem when what comes back is no HTTP. */
export function fuzzUpgrade(rng: Rng, socketPath: string): Promise<string | undefined> {
  const { upgrade, verb, header } = oneOf(rng, UPGRADES);
  const key = chance(rng, 0.95) ? Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64') : 'x';
  const query = `container=app&command=sh&stdin=${chance(rng, 0.9)}&stdout=true&stderr=${chance(rng, 0.5)}&tty=${chance(rng, 0.3)}&ports=80`;
  const request =
    `GET /api/v1/namespaces/default/pods/fuzzed/${verb}?${query} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n` +
    `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n${header}\r\n\r\n`;
  const frames = upgrade === 'websocket' ? anyWebSocket(rng, verb === 'portforward') : anySpdy(rng);
  const rude = chance(rng, 0.5);
  const wait = below(rng, 20);
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => {
      socket.write(chance(rng, 0.02) ? mutateBytes(rng, Buffer.from(request)) : request);
      for (const chunk of cut(rng, frames)) if (!socket.destroyed) socket.write(chunk);
      setTimeout(() => (rude ? socket.destroy() : socket.end()), wait);
      setTimeout(() => socket.destroy(), wait + 50);
    });
    let first = '';
    socket.on('data', (chunk: Buffer) => {
      if (first.length < 12) first += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.once('close', () =>
      resolve(
        first === '' || /^HTTP\/1\.1 (101|400|404|405|431)/.test(first) ? undefined : `an upgrade was answered ${first.slice(0, 200)}`,
      ),
    );
  });
}
