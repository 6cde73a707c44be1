import type { Gateway, GatewayServer, GatewaySpec, Key } from '../api/index.ts';
import type { Problem } from './problem.ts';
import type { Owner } from './rule.ts';
import type { Rules } from './virtual-service.ts';

/** Certificates of clients: of whom, as PEM; one that is not of these, or none, is taken where they are optional. */
export interface Clients {
  readonly trusted: string;
  readonly optional: boolean;
}

/** A server of a Gateway; its certificates may be Secrets of any namespace, which users of Istio's Gateway cannot say. */
export interface ServerSpec extends GatewayServer {
  /** Whom clients are checked against, where that is no Secret. */
  readonly clients?: Clients;
  readonly secrets?: readonly Required<Key>[];
  /** The object of another kind that it is made of; a Gateway of the Gateway API is a `KubernetesGateway`. */
  readonly owner?: Owner;
}

export type EntranceGateway = Gateway & { readonly spec: GatewaySpec & { readonly servers: readonly ServerSpec[] } };

/** What other kinds than Istio's say of the ingress gateway, in its terms. */
export interface Entrance {
  readonly gateways: readonly EntranceGateway[];
  readonly rules: readonly Rules[];
  readonly problems: readonly Problem[];
}

/** Pods of the gateway that every mesh starts with. */
export const INGRESS_GATEWAY: Readonly<Record<string, string>> = { istio: 'ingressgateway' };
