import { parseDuration, protoDuration } from '../base/index.ts';

/** A protobuf message as JSON, with the field names of the .proto. */
export type Json = { readonly [field: string]: unknown };

/** A message inside an `Any`. */
export function any(type: string, value: Json = {}): Json {
  return { '@type': `type.googleapis.com/${type}`, ...value };
}

/** A named extension with its configuration. */
export function extension(name: string, type: string, value: Json = {}): Json {
  return { name, typed_config: any(type, value) };
}

/** Resources that come over the one aggregated stream. */
export const ADS: Json = { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' };

/** Of a host, or of a socket of this machine: `unix:///path`, `unix://@name`. */
export function address(ip: string, port: number): Json {
  if (ip.startsWith('unix://')) return { pipe: { path: ip.slice('unix://'.length) } };
  return { socket_address: { address: ip, port_value: port } };
}

/** A Go duration as protobuf writes it, or undefined when it is absent or is none. */
export function duration(text: string | undefined): string | undefined {
  const ms = text === undefined ? undefined : parseDuration(text);
  return ms === undefined || ms < 0 ? undefined : protoDuration(ms);
}

/** The object without the fields that are undefined. */
export function defined(value: Json): Json {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined));
}

const PATHS: Readonly<Record<string, readonly [group: string, resource: string]>> = {
  VirtualService: ['networking.istio.io', 'virtual-service'],
  DestinationRule: ['networking.istio.io', 'destination-rule'],
  Ingress: ['networking.k8s.io', 'ingress'],
  HTTPRoute: ['gateway.networking.k8s.io', 'http-route'],
  BackendTLSPolicy: ['gateway.networking.k8s.io', 'backend-tls-policy'],
  GRPCRoute: ['gateway.networking.k8s.io', 'grpc-route'],
  TLSRoute: ['gateway.networking.k8s.io', 'tls-route'],
  TCPRoute: ['gateway.networking.k8s.io', 'tcp-route'],
};
const KINDS: ReadonlyMap<string, string> = new Map(Object.entries(PATHS).map(([kind, [, resource]]) => [resource, kind]));

/** The objects that {@link configMetadata} names anywhere in the message, as `VirtualService default/reviews`. */
export function objectsIn(json: unknown): readonly string[] {
  const found = new Set<string>();
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(walk);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, part] of Object.entries(value)) {
      if (key !== 'istio') walk(part);
      else {
        const [, , , , , namespace, resource, name] = ((part as Json)['config'] as string | undefined)?.split('/') ?? [];
        const kind = KINDS.get(resource ?? '');
        if (kind) found.add(`${kind} ${namespace}/${name}`);
      }
    }
  };
  walk(json);
  return [...found];
}

/** Where an object can be read again: `istioctl` shows it beside routes and clusters. */
export function configMetadata(object: { kind: string; namespace?: string | undefined; name: string }): Json {
  const [group, resource] = PATHS[object.kind]!;
  return { istio: { config: `/apis/${group}/v1/namespaces/${object.namespace}/${resource}/${object.name}` } };
}
