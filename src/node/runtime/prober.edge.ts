import { request as httpRequest } from 'node:http';
import { connect as http2Connect } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { messageOf } from '../../base/index.ts';
import { GATEWAY } from '../net/addresses.ts';
import type { Action, ActionResult, ActionTarget, Prober } from '../lifecycle/ports.ts';
import { killGroup } from './kill-group.edge.ts';
import type { ContainerRuntime } from './types.ts';

/** The most of a command's output that an event shows. */
const MAX_OUTPUT = 10 * 1024;
const OK: ActionResult = { ok: true, message: '' };

/** Probes from the node: over the pod's own address, from an address that inbound capture lets pass. */
export function prober(runtime: Pick<ContainerRuntime, 'exec'>): Prober {
  return {
    async run(target, action, timeout) {
      try {
        return await attempt(runtime, target, action, timeout);
      } catch (error) {
        return { ok: false, message: messageOf(error) };
      }
    },
  };
}

function attempt(runtime: Pick<ContainerRuntime, 'exec'>, target: ActionTarget, action: Action, timeout: number): Promise<ActionResult> {
  if (action.exec) return runCommand(runtime, target, action.exec.command ?? [], timeout);
  if (action.httpGet) return get(target, action.httpGet, timeout);
  if (action.tcpSocket) return dial(action.tcpSocket.host ?? target.podIP, portOf(target, action.tcpSocket.port), timeout);
  if (action.grpc) return health(target.podIP, action.grpc.port, action.grpc.service ?? '', timeout);
  return Promise.resolve(OK);
}

function portOf(target: ActionTarget, port: number | string): number {
  const number = typeof port === 'number' ? port : (target.ports.get(port) ?? Number(port));
  if (!Number.isInteger(number)) throw new Error(`the container has no port named "${port}"`);
  return number;
}

function get(target: ActionTarget, action: NonNullable<Action['httpGet']>, timeout: number): Promise<ActionResult> {
  const port = portOf(target, action.port);
  const host = action.host ?? target.podIP;
  const secure = action.scheme === 'HTTPS';
  const headers: Record<string, string> = { 'user-agent': 'kube-probe/1.35', accept: '*/*', connection: 'close' };
  for (const { name, value } of action.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  return new Promise((resolve) => {
    const options = {
      host,
      port,
      path: action.path || '/',
      headers,
      localAddress: GATEWAY,
      agent: false as const,
      rejectUnauthorized: false,
    };
    const req = (secure ? httpsRequest : httpRequest)(options, (res) => {
      res.destroy();
      done(
        res.statusCode! >= 200 && res.statusCode! < 400
          ? OK
          : { ok: false, message: `HTTP probe failed with statuscode: ${res.statusCode}` },
      );
    });
    const url = `${secure ? 'https' : 'http'}://${host}:${port}${action.path || '/'}`;
    const done = finisher(
      resolve,
      timeout,
      () => req.destroy(),
      `Get "${url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
    );
    req.on('error', (error) => done({ ok: false, message: `Get "${url}": ${error.message}` }));
    req.end();
  });
}

function dial(host: string, port: number, timeout: number): Promise<ActionResult> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, localAddress: GATEWAY });
    const done = finisher(resolve, timeout, () => socket.destroy(), `dial tcp ${host}:${port}: i/o timeout`);
    socket.once('connect', () => done(OK));
    socket.once('error', (error) => done({ ok: false, message: `dial tcp ${host}:${port}: ${error.message}` }));
  });
}

/** grpc.health.v1: a request that names the service (field 1), an answer whose field 1 is 1 when it serves. */
function health(host: string, port: number, service: string, timeout: number): Promise<ActionResult> {
  return new Promise((resolve) => {
    const session = http2Connect(`http://${host}:${port}`, { createConnection: () => connect({ host, port, localAddress: GATEWAY }) });
    const done = finisher(resolve, timeout, () => session.destroy(), `timeout: failed to connect service "${host}:${port}"`);
    session.on('error', (error) => done({ ok: false, message: error.message }));
    const name = Buffer.from(service);
    const message = service ? Buffer.concat([Buffer.of(0x0a, name.length), name]) : Buffer.alloc(0);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const body: Buffer[] = [];
    stream.on('error', (error: Error) => done({ ok: false, message: error.message }));
    stream.on('data', (chunk: Buffer) => body.push(chunk));
    stream.on('end', () => {
      const answer = Buffer.concat(body).subarray(5);
      done(answer[0] === 0x08 && answer[1] === 1 ? OK : { ok: false, message: 'service unhealthy (responded with "NOT_SERVING")' });
    });
    stream.end(Buffer.concat([Buffer.of(0, 0, 0, 0, message.length), message]));
  });
}

function runCommand(
  runtime: Pick<ContainerRuntime, 'exec'>,
  target: ActionTarget,
  command: readonly string[],
  timeout: number,
): Promise<ActionResult> {
  return new Promise((resolve) => {
    const child = runtime.exec(target.ref, command, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk: Buffer): void => {
      if (output.length < MAX_OUTPUT) output += chunk.toString('utf8');
    };
    child.stdout!.on('data', collect);
    child.stderr!.on('data', collect);
    const done = finisher(
      resolve,
      timeout,
      () => killGroup(child),
      `command ${JSON.stringify(command)} timed out after ${timeout / 1000}s`,
    );
    child.once('error', (error) => done({ ok: false, message: error.message }));
    child.once('close', (code) =>
      done(code === 0 ? OK : { ok: false, message: output.trim().slice(0, MAX_OUTPUT) || `exit code ${code}` }),
    );
  });
}

/** Settles once: with the result, or with `late` after `timeout` milliseconds; then ends what still runs. */
function finisher(resolve: (result: ActionResult) => void, timeout: number, end: () => void, late: string): (result: ActionResult) => void {
  const done = (result: ActionResult): void => {
    clearTimeout(timer);
    resolve(result);
    end();
  };
  const timer = setTimeout(() => done({ ok: false, message: late }), timeout);
  return done;
}
