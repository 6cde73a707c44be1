import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { constants, deflateSync, type ZlibOptions } from 'node:zlib';
import { HeaderReader, HeaderWriter, SPDY_DICTIONARY } from './spdy-headers.ts';
import { serveSpdy, type SpdyStream } from './spdy-session.ts';
import { SpdyReader, SpdyWriter, type SpdyFrame } from './spdy.ts';

function adler32(data: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (const byte of data) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return ((b << 16) | a) >>> 0;
}

test('the dictionary is the one of SPDY/3', () => {
  assert.equal(SPDY_DICTIONARY.length, 1423);
  assert.equal(adler32(SPDY_DICTIONARY), 0xe3c6a7c2);
});

test('header blocks of a compressing client are read, one after the other', () => {
  // One zlib stream with a flush after each block, as a client writes it: deflate both, and cut at the first flush.
  const block = (headers: [string, string][]): Buffer => {
    const u32 = (n: number): Buffer => Buffer.from([n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);
    return Buffer.concat([u32(headers.length), ...headers.flat().flatMap((s) => [u32(s.length), Buffer.from(s)])]);
  };
  const first = block([
    ['streamtype', 'error'],
    ['port', '8080'],
    ['requestid', '0'],
  ]);
  const options: ZlibOptions = { dictionary: SPDY_DICTIONARY, finishFlush: constants.Z_SYNC_FLUSH };
  const compressed = deflateSync(first, options);
  const reader = new HeaderReader();
  assert.deepEqual(reader.read(compressed), { streamtype: 'error', port: '8080', requestid: '0' });

  // The second block refers back into the first.
  const both = new HeaderWriter();
  both.write({});
  assert.deepEqual(reader.read(both.write({ streamtype: 'data', port: '8080' })), { streamtype: 'data', port: '8080' });
});

const FRAMES: SpdyFrame[] = [
  { type: 'open', stream: 1, headers: { streamtype: 'error', port: '80' }, fin: true },
  { type: 'open', stream: 3, headers: { streamtype: 'data', port: '80' }, fin: false },
  { type: 'reply', stream: 1, headers: {}, fin: false },
  { type: 'data', stream: 3, data: Buffer.from('hello'), fin: false },
  { type: 'data', stream: 3, data: Buffer.alloc(0), fin: true },
  { type: 'ping', id: 7 },
  { type: 'reset', stream: 3, status: 5 },
  { type: 'goaway', lastStream: 3 },
];

test('frames are read as they were written, however the bytes are cut', () => {
  const writer = new SpdyWriter();
  const bytes = Buffer.concat(FRAMES.map((f) => writer.write(f)));
  for (const size of [1, 3, 8, 9, bytes.length]) {
    const reader = new SpdyReader();
    const got: SpdyFrame[] = [];
    for (let at = 0; at < bytes.length; at += size) got.push(...reader.push(bytes.subarray(at, at + size)));
    assert.deepEqual(
      got.map((f) => (f.type === 'data' ? { ...f, data: Buffer.from(f.data) } : f)),
      FRAMES,
      `cut every ${size} bytes`,
    );
  }
});

test('large data is cut into frames, and what is not SPDY/3.1 is refused', () => {
  const frames = new SpdyReader().push(new SpdyWriter().write({ type: 'data', stream: 1, data: Buffer.alloc(70_000), fin: true }));
  assert.deepEqual(
    frames.map((f) => (f.type === 'data' ? [f.data.length, f.fin] : [])),
    [
      [32768, false],
      [32768, false],
      [4464, true],
    ],
  );
  assert.throws(() => new SpdyReader().push(Buffer.from([0x80, 0x02, 0, 1, 0, 0, 0, 0])), /version 2/);
  assert.throws(() => new SpdyReader().push(Buffer.from([0, 0, 0, 1, 0, 0xff, 0xff, 0xff])), RangeError);
});

/** Two ends of a byte pipe. */
function pair(): [Duplex, Duplex] {
  const ends: Duplex[] = [];
  for (const i of [0, 1]) {
    ends.push(
      new Duplex({
        read() {},
        write(chunk, _e, done) {
          ends[1 - i]!.push(chunk);
          done();
        },
        final(done) {
          ends[1 - i]!.push(null);
          done();
        },
      }),
    );
  }
  return [ends[0]!, ends[1]!];
}

test('a session accepts streams, carries bytes both ways, answers pings and ends with the connection', async () => {
  const [client, server] = pair();
  const opened: SpdyStream[] = [];
  const served = serveSpdy(server, (stream) => {
    opened.push(stream);
    stream.pipe(stream);
  });
  const writer = new SpdyWriter();
  const reader = new SpdyReader();
  const requests: SpdyFrame[] = [
    { type: 'open', stream: 1, headers: { streamtype: 'data' }, fin: false },
    { type: 'data', stream: 1, data: Buffer.from('ping'), fin: true },
    { type: 'ping', id: 1 },
    { type: 'open', stream: 2, headers: {}, fin: false },
    { type: 'open', stream: 5, headers: {}, fin: false },
  ];
  for (const frame of requests) client.write(writer.write(frame));
  await new Promise((resolve) => setTimeout(resolve, 20));
  client.write(writer.write({ type: 'goaway', lastStream: 0 }));
  const got: SpdyFrame[] = [];
  for await (const chunk of client as AsyncIterable<Uint8Array>) got.push(...reader.push(chunk));
  await served;
  assert.deepEqual(
    opened.map((s) => [s.id, s.headers['streamtype'], s.destroyed]),
    [
      [1, 'data', true],
      [5, undefined, true],
    ],
  );
  const echoed = got.flatMap((f) => (f.type === 'data' && f.stream === 1 ? [Buffer.from(f.data).toString()] : [])).join('');
  assert.equal(echoed, 'ping');
  assert.ok(got.some((f) => f.type === 'data' && f.stream === 1 && f.fin));
  assert.ok(got.some((f) => f.type === 'ping' && f.id === 1));
  assert.ok(
    got.some((f) => f.type === 'reset' && f.stream === 2),
    "an even stream id is the server's own",
  );
});

test('data after the end of a stream breaks that stream, not the session; a client that goes away takes unread streams with it', async () => {
  const [client, server] = pair();
  const opened: SpdyStream[] = [];
  const served = serveSpdy(server, (stream) => void opened.push(stream));
  const writer = new SpdyWriter();
  const send = (...frames: SpdyFrame[]): void => frames.forEach((frame) => client.write(writer.write(frame)));
  send(
    { type: 'open', stream: 1, headers: {}, fin: true },
    { type: 'data', stream: 1, data: Buffer.from('late'), fin: false },
    { type: 'open', stream: 3, headers: {}, fin: false },
    { type: 'data', stream: 3, data: Buffer.alloc(100_000), fin: false },
  );
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(
    opened.map((s) => [s.id, s.destroyed]),
    [
      [1, true],
      [3, false],
    ],
  );
  server.destroy();
  await served;
  assert.equal(opened[1]!.destroyed, true);
});

test('who does not take the answers is not listened to', async () => {
  const writer = new SpdyWriter();
  const pings = Array.from({ length: 500 }, (_, i) => writer.write({ type: 'ping', id: 2 * i + 1 }));
  const taken: (() => void)[] = [];
  const transport = new Duplex({ read() {}, write: (_chunk, _encoding, done: () => void) => void taken.push(done) });
  transport.push(Buffer.concat(pings));
  transport.push(null);
  const served = serveSpdy(transport, () => {});
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < 20; i++) await turn();
  assert.equal(transport.writableLength, 12, 'one answer waits, and the others until it is taken');
  for (let i = 0; i < pings.length; i++) {
    taken[i]!();
    await turn();
  }
  await served;
  assert.equal(taken.length, pings.length);
});
