import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ApiError } from '../../api/index.ts';
import { Channel, encodeFrame, FrameDecoder } from '../../base/index.ts';
import type { Kubelet } from '../kubelet.ts';
import { createKubeletClient } from './kubelet-client.edge.ts';

/** An agent that speaks the protocol: a shell that answers with what it was sent, and a port that echoes. */
async function agent(t: TestContext): Promise<{ client: Kubelet; seen: string[] }> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-node-'));
  const seen: string[] = [];
  const server = createServer((req, res) => {
    seen.push(req.url ?? '');
    if (req.url?.includes('/missing')) {
      res.writeHead(404, { 'content-type': 'application/json' });
      return res.end(JSON.stringify(new ApiError('NotFound', 'pods "missing" not found').body()));
    }
    res.write('one\n');
    res.end('two\n');
  });
  server.on('upgrade', (req, socket) => {
    seen.push(`${req.headers.upgrade} ${req.url}`);
    if (req.url?.includes('/missing')) {
      const body = JSON.stringify(new ApiError('BadRequest', 'not running').body());
      return socket.end(`HTTP/1.1 400 Bad Request\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
    }
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    if (req.headers.upgrade === 'sluice-stream') return socket.pipe(socket);
    const decoder = new FrameDecoder();
    socket.on('data', (chunk) => {
      for (const { channel, payload } of decoder.push(chunk)) {
        if (channel === Channel.stdin) socket.write(encodeFrame(Channel.stdout, payload));
        if (channel === Channel.resize) socket.write(encodeFrame(Channel.stderr, payload));
        if (channel === Channel.close) {
          const failed = req.url?.includes('command=nope');
          socket.end(encodeFrame(Channel.exit, failed ? '{"error":"no such command: nope"}' : '{"exitCode":3}'));
        }
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(join(dir, 'node.sock'), resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return { client: createKubeletClient({ socketPath: join(dir, 'node.sock') }), seen };
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

const STREAMS = { tty: false, stdin: true, stdout: true, stderr: true };

test('logs are streamed, options go along, and a refusal is an ApiError', async (t) => {
  const { client, seen } = await agent(t);
  const logs = await client.logs('default', 'web-1', {
    container: 'app',
    follow: true,
    previous: false,
    tailLines: 5,
    sinceTime: undefined,
  });
  assert.equal(await textOf(logs), 'one\ntwo\n');
  assert.deepEqual(seen, ['/logs/default/web-1?container=app&follow=true&tailLines=5']);
  await assert.rejects(client.logs('default', 'missing', {}), {
    name: 'ApiError',
    reason: 'NotFound',
    message: 'pods "missing" not found',
  });
});

test('a session carries stdin, stdout, sizes and the exit code', async (t) => {
  const { client, seen } = await agent(t);
  const session = await client.exec('default', 'web-1', { ...STREAMS, container: 'app', command: ['sh', '-c', 'a&b'] });
  session.resize(80, 24);
  session.stdin.write('hello');
  session.stdin.end();
  assert.deepEqual(await Promise.all([textOf(session.stdout), textOf(session.stderr), session.exit]), [
    'hello',
    '{"width":80,"height":24}',
    3,
  ]);
  assert.deepEqual(seen, [
    'sluice-exec /exec/default/web-1?stdin=true&stdout=true&stderr=true&container=app&command=sh&command=-c&command=a%26b',
  ]);
});

test('a command that cannot be run, a pod that is refused and a lost connection reject', async (t) => {
  const { client } = await agent(t);
  const session = await client.exec('default', 'web-1', { ...STREAMS, command: ['nope'] });
  session.stdin.end();
  await assert.rejects(session.exit, { message: 'no such command: nope' });
  await assert.rejects(client.attach('default', 'missing', STREAMS), { reason: 'BadRequest', message: 'not running' });
  const lost = await client.attach('default', 'web-1', STREAMS);
  lost.close();
  await assert.rejects(lost.exit, { message: 'the connection to the node was lost' });
});

test('a port is a stream of bytes', async (t) => {
  const { client, seen } = await agent(t);
  const stream = await client.portForward('default', 'web-1', 8080);
  stream.end('bytes');
  assert.equal(await textOf(stream), 'bytes');
  assert.deepEqual(seen, ['sluice-stream /portforward/default/web-1/8080']);
});

test('an agent that is not there is ServiceUnavailable', async () => {
  await assert.rejects(createKubeletClient({ socketPath: '/nonexistent/node.sock' }).logs('a', 'b', {}), { reason: 'ServiceUnavailable' });
});
