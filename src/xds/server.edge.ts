import { chmod, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import {
  Server,
  ServerCredentials,
  status,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { Fault, messageOf } from '../base/index.ts';
import { createHub, type Hub, type HubOptions } from './hub.ts';
import { decodeLogged, type LoggedRequest } from './request-log.ts';
import { decodeRequest, encodeResponse, type DeltaRequest, type DeltaResponse } from './wire.ts';

export interface XdsOptions extends HubOptions {
  /** The Unix socket; at most 107 bytes. Whoever can open it can claim to be any proxy, so it is made for the owner only. */
  readonly socketPath: string;
  /** Is told of requests that proxies log one by one. */
  readonly onLogged?: (request: LoggedRequest) => void;
}

export interface Xds extends Hub {
  /** Ends every stream and the server; proxies keep what they hold and connect again. */
  close(): Promise<void>;
}

const noRequests = (): never => {
  throw new Error('a server sends no requests');
};
const noResponses = (): never => {
  throw new Error('a server receives no responses');
};

const ADS: ServiceDefinition = {
  DeltaAggregatedResources: {
    path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
    requestStream: true,
    responseStream: true,
    requestDeserialize: decodeRequest,
    requestSerialize: noRequests,
    responseSerialize: encodeResponse,
    responseDeserialize: noResponses,
  },
};

const ACCESS_LOG: ServiceDefinition = {
  StreamAccessLogs: {
    path: '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs',
    requestStream: true,
    responseStream: false,
    requestDeserialize: decodeLogged,
    requestSerialize: noRequests,
    // There is nothing in it.
    responseSerialize: () => Buffer.alloc(0),
    responseDeserialize: noResponses,
  },
};

/** Serves delta ADS (with SDS on the same stream), and takes what proxies log, on a Unix socket. Throws a Fault when the socket cannot be had. */
export async function startXds(options: XdsOptions): Promise<Xds> {
  const { socketPath, log, onLogged } = options;
  const hub = createHub(options);
  const server = new Server({
    // A proxy that reconnects declares the version of everything it holds.
    'grpc.max_receive_message_length': 16 * 1024 * 1024,
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 20_000,
  });
  server.addService(ADS, {
    DeltaAggregatedResources(call: ServerDuplexStream<DeltaRequest, DeltaResponse>) {
      const connection = hub.connect({
        send: (response) => call.write(response),
        end: (details) => call.emit('error', { code: status.UNAVAILABLE, details }),
      });
      call.on('data', (request: DeltaRequest) => connection.receive(request));
      call.on('cancelled', () => connection.closed());
      call.on('error', () => connection.closed());
      call.on('end', () => {
        connection.closed();
        call.end();
      });
    },
  });
  server.addService(ACCESS_LOG, {
    StreamAccessLogs(call: ServerReadableStream<LoggedRequest[], null>, done: sendUnaryData<null>) {
      call.on('data', (requests: LoggedRequest[]) => requests.forEach((request) => onLogged?.(request)));
      call.on('error', () => {});
      call.on('end', () => done(null, null));
    },
  });
  await removeStale(socketPath);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
  }).catch((cause: unknown) => {
    throw new Fault('XdsSocketUnavailable', `the xDS socket ${socketPath} cannot be opened: ${messageOf(cause)}`, {
      hint: 'Check that its directory exists, belongs to you and that the whole path is at most 107 bytes long.',
      cause,
    });
  });
  await chmod(socketPath, 0o600);
  log.info('xDS is served', { socket: socketPath });
  return {
    ...hub,
    async close() {
      server.forceShutdown();
      await unlink(socketPath).catch(() => undefined);
    },
  };
}

/** Removes the socket that a killed server left behind; throws a Fault when a live one answers on it. */
async function removeStale(path: string): Promise<void> {
  const alive = await new Promise<boolean>((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
  if (alive) {
    throw new Fault('XdsSocketInUse', `another process serves xDS on ${path}`, {
      hint: 'Stop the other instance, or give this one another name.',
    });
  }
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
