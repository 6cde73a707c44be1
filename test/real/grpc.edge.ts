/** gRPC whose messages are bytes: servers of tests, and calls to them. */
import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type Metadata,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerUnaryCall,
} from '@grpc/grpc-js';
import type { TestContext } from 'node:test';

/** A status to answer with; thrown by handlers. */
export interface Refusal {
  readonly code: number;
  readonly details: string;
}

export interface Methods {
  /** By path: one answer to one message. A {@link Refusal} that is thrown is its status. */
  readonly unary?: Readonly<Record<string, (asked: Buffer, metadata: Metadata) => Buffer | Promise<Buffer>>>;
  /** By path: messages as they come, with one more when the client has said all, as `undefined`; what is returned is sent. */
  readonly streams?: Readonly<Record<string, (said: Buffer | undefined) => Buffer | undefined>>;
}

const raw = (bytes: Buffer): Buffer => bytes;
const asBytes = { requestSerialize: raw, requestDeserialize: raw, responseSerialize: raw, responseDeserialize: raw };

/** A server on loopback for as long as the test runs. */
export async function grpcServer(t: TestContext, { unary = {}, streams = {} }: Methods): Promise<number> {
  const server = new Server();
  for (const [path, answer] of Object.entries(unary))
    server.addService(
      { call: { path, requestStream: false, responseStream: false, ...asBytes } },
      {
        call: (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => {
          Promise.resolve()
            .then(() => answer(call.request, call.metadata))
            .then(
              (bytes) => reply(null, bytes),
              (refusal: Refusal) => reply(refusal),
            );
        },
      },
    );
  for (const [path, answer] of Object.entries(streams))
    server.addService(
      { call: { path, requestStream: true, responseStream: true, ...asBytes } },
      {
        call: (call: ServerDuplexStream<Buffer, Buffer>) => {
          const send = (bytes: Buffer | undefined): unknown => bytes && call.write(bytes);
          call.on('data', (bytes: Buffer) => send(answer(bytes)));
          call.on('end', () => {
            send(answer(undefined));
            call.end();
          });
          call.on('error', () => undefined);
        },
      },
    );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  t.after(() => server.forceShutdown());
  return port;
}

/** A client that calls `authority` at a port of the machine. */
export function grpcClient(t: TestContext, port: number, authority: string): Client {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.default_authority': authority,
    'grpc.enable_retries': 0,
  });
  t.after(() => client.close());
  return client;
}

/** What is answered, or the number of the status that it is refused with. */
export function callUnary(client: Client, path: string, message: string): Promise<string | number> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, raw, raw, Buffer.from(message), (error, answer) => resolve(error ? error.code : String(answer)));
  });
}

/** Says each word when the answer to the one before has come, then ends; all that was answered. */
export function converse(client: Client, path: string, words: readonly string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const call = client.makeBidiStreamRequest<Buffer, Buffer>(path, raw, raw);
    const heard: string[] = [];
    const say = (): unknown => (words[heard.length] === undefined ? call.end() : call.write(Buffer.from(words[heard.length]!)));
    call.on('data', (bytes: Buffer) => {
      heard.push(bytes.toString());
      if (heard.length <= words.length) say();
    });
    call.on('error', reject);
    call.on('end', () => resolve(heard));
    say();
  });
}
