import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Channel, encodeFrame, FrameDecoder, MAX_FRAME_BYTES, type Frame } from './frames.ts';

const text = (f: Frame): [number, string] => [f.channel, Buffer.from(f.payload).toString()];

test('a frame is length, channel, payload', () => {
  assert.deepEqual([...encodeFrame(Channel.stdout, 'hi')], [0, 0, 0, 2, 1, 104, 105]);
  assert.deepEqual([...encodeFrame(Channel.close, new Uint8Array([0]))], [0, 0, 0, 1, 5, 0]);
  assert.deepEqual([...encodeFrame(Channel.stdin, '')], [0, 0, 0, 0, 0]);
});

test('frames come out the same however the bytes are cut', () => {
  const bytes = Buffer.concat([encodeFrame(1, 'one'), encodeFrame(2, ''), encodeFrame(3, '{"exitCode":3}')]);
  const expected = [
    [1, 'one'],
    [2, ''],
    [3, '{"exitCode":3}'],
  ];
  for (const size of [1, 2, 3, 5, 7, bytes.length]) {
    const decoder = new FrameDecoder();
    const got: [number, string][] = [];
    for (let i = 0; i < bytes.length; i += size) got.push(...decoder.push(bytes.subarray(i, i + size)).map(text));
    assert.deepEqual(got, expected, `cut every ${size} bytes`);
  }
});

test('more than a frame may carry is split, and a frame that says it carries more is refused', () => {
  const data = Buffer.alloc(MAX_FRAME_BYTES + 10, 7);
  const frames = new FrameDecoder().push(encodeFrame(1, data));
  assert.deepEqual(
    frames.map((f) => f.payload.length),
    [MAX_FRAME_BYTES, 10],
  );
  assert.throws(() => new FrameDecoder().push(new Uint8Array([0xff, 0, 0, 0, 1])), RangeError);
});
