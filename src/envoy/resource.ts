/** The xDS resource types we serve, by their short names. */
export const TypeUrl = {
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  virtualHost: 'type.googleapis.com/envoy.config.route.v3.VirtualHost',
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoint: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
} as const;
export type TypeUrl = (typeof TypeUrl)[keyof typeof TypeUrl];

/** One Envoy resource, encoded once and shared by every proxy that is given it. */
export interface EnvoyResource {
  readonly typeUrl: TypeUrl;
  readonly name: string;
  /** Changes when and only when the bytes do. */
  readonly version: string;
  /** Protobuf of the resource itself (the value of the `Any`). Empty: there is none, which is an answer too (virtual hosts only). */
  readonly bytes: Uint8Array;
  /** Why it cannot be written in protobuf. Then the bytes are of no use: it counts as refused, and no proxy is sent it. */
  readonly unfit?: string;
  /** The objects that are named in it, as `VirtualService default/reviews`; absent: none. */
  readonly from?: readonly string[];
}

/** Everything one proxy is to hold. Maps are keyed by resource name; unchanged resources keep their identity. */
export interface ProxyResources {
  readonly listeners: ReadonlyMap<string, EnvoyResource>;
  readonly routes: ReadonlyMap<string, EnvoyResource>;
  readonly clusters: ReadonlyMap<string, EnvoyResource>;
  readonly endpoints: ReadonlyMap<string, EnvoyResource>;
  /** Answers to the hosts that the proxy has asked for, `<route table>/<host as sent>`; none where its tables are whole. */
  readonly virtualHosts: ReadonlyMap<string, EnvoyResource>;
}
