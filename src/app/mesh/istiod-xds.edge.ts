/** The server of istiod's xDS. Proxies do not come here. */
import { chmod, rm } from 'node:fs/promises';
import { Server, ServerCredentials, status, type ServerDuplexStream, type ServiceDefinition } from '@grpc/grpc-js';
import { messageOf, type Log } from '../../base/index.ts';
import type { Istiod } from './istiod.ts';
import { decodeAsked, encodeTold, tell, type Asked } from './istiod-xds.ts';

export interface IstiodXdsOptions {
  readonly socketPath: string;
  readonly istiod: Istiod;
  /** PEM. istioctl does not look who it is. */
  readonly tls: { readonly cert: string; readonly key: string };
  /** The namespace of the ServiceAccount whose token it is; undefined for a token that does not hold for us. */
  readonly namespaceOf: (token: string) => Promise<string | undefined>;
  /** Whose accounts may ask. */
  readonly rootNamespace: string;
  readonly log: Log;
}

/** Who answers, in the form that istioctl reads. */
const identifier = (version: string): string => JSON.stringify({ Component: 'istiod', ID: 'istiod', Info: { version } });

const ADS: ServiceDefinition = {
  StreamAggregatedResources: {
    path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
    requestStream: true,
    responseStream: true,
    requestDeserialize: decodeAsked,
    requestSerialize: () => Buffer.alloc(0),
    responseSerialize: (bytes: Buffer) => bytes,
    responseDeserialize: () => undefined,
  },
};

const REQUEST_BYTES = 64 * 1024;

/** Serves on a Unix socket, with TLS; each request is answered once. Resolves with what ends it. */
export async function serveIstiodXds(options: IstiodXdsOptions): Promise<() => Promise<void>> {
  const { socketPath, istiod, tls, rootNamespace, log } = options;
  const server = new Server({ 'grpc.max_receive_message_length': REQUEST_BYTES, 'grpc.max_send_message_length': -1 });
  server.addService(ADS, {
    StreamAggregatedResources(call: ServerDuplexStream<Asked, Buffer>) {
      const refuse = (code: status, details: string): boolean => call.emit('error', { code, details });
      const [header = ''] = call.metadata.get('authorization').map(String);
      const token = /^Bearer (.+)$/i.exec(header)?.[1];
      const allowed = token ? options.namespaceOf(token) : Promise.resolve(undefined);
      const answerTo = async (asked: Asked): Promise<void> => {
        const namespace = await allowed;
        if (!namespace) return void refuse(status.UNAUTHENTICATED, 'authentication required: the token of a ServiceAccount, for istio-ca');
        if (namespace !== rootNamespace) return void refuse(status.PERMISSION_DENIED, `only accounts in ${rootNamespace} may ask`);
        const told = tell(istiod, asked);
        if (typeof told === 'string') return void refuse(status.NOT_FOUND, told);
        call.write(encodeTold(asked, told, identifier(istiod.version), '1'));
      };
      call.on('data', (asked: Asked) => {
        answerTo(asked).catch((error: unknown) => {
          log.error('istiod could not answer', { type: asked.typeUrl, error: messageOf(error) });
          refuse(status.INTERNAL, messageOf(error));
        });
      });
      call.on('error', () => {});
      call.on('end', () => call.end());
    },
  });
  await rm(socketPath, { force: true });
  const credentials = ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) }]);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, credentials, (error) => (error ? reject(error) : resolve()));
  });
  await chmod(socketPath, 0o600);
  return async () => {
    server.forceShutdown();
    await rm(socketPath, { force: true });
  };
}
