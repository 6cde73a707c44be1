/** How the proxies treat a port. `auto` looks at the first bytes and falls back to TCP. */
export type Protocol = 'http' | 'http2' | 'grpc' | 'tls' | 'tcp' | 'udp' | 'auto';

const BY_NAME: Readonly<Record<string, Protocol>> = {
  http: 'http',
  http1: 'http',
  http2: 'http2',
  grpc: 'grpc',
  'grpc-web': 'grpc',
  https: 'tls',
  tls: 'tls',
  tcp: 'tcp',
  mongo: 'tcp',
  redis: 'tcp',
  mysql: 'tcp',
  postgres: 'tcp',
  udp: 'udp',
  'kubernetes.io/h2c': 'http2',
  'kubernetes.io/ws': 'http',
  'kubernetes.io/wss': 'tls',
};

/** On these the server speaks first: a proxy that waits for the client's first bytes would wait for ever. */
const SERVER_FIRST = new Set([25, 53, 3306, 27017]);

/** `appProtocol` beats the prefix of the port's name; without either the bytes decide. */
export function protocolOf(port: { name?: string; appProtocol?: string; protocol?: string; port: number }): Protocol {
  if (port.protocol === 'UDP') return 'udp';
  const said = port.appProtocol?.toLowerCase();
  if (said !== undefined && BY_NAME[said]) return BY_NAME[said];
  const name = (port.name ?? '').toLowerCase();
  if (name === 'grpc-web' || name.startsWith('grpc-web-')) return 'grpc';
  const prefix = name.split('-', 1)[0]!;
  return BY_NAME[prefix] ?? (SERVER_FIRST.has(port.port) ? 'tcp' : 'auto');
}

/** The protocol by the word that ServiceEntry and Gateway ports use (`HTTP`, `HTTPS`, `GRPC`, ...). */
export function protocolNamed(word: string | undefined, port: number): Protocol {
  const known = BY_NAME[(word ?? '').toLowerCase()];
  return known ?? (SERVER_FIRST.has(port) ? 'tcp' : 'auto');
}

/** Carries HTTP for certain. */
export function isHttp(protocol: Protocol): boolean {
  return protocol === 'http' || protocol === 'http2' || protocol === 'grpc';
}
