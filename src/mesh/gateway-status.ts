/** What objects of the Gateway API are told of themselves. */
import type { gatewayApi } from '../api/index.ts';
import type { Condition } from './gateway-listener.ts';
import { interner } from './memo.ts';
import type { Owner } from './rule.ts';

export const GATEWAY_CONTROLLER = 'istio.io/gateway-controller';

/** What is to be said on an object, without times. */
export interface ObjectStatus {
  readonly object: Owner;
  readonly generation: number;
  readonly conditions?: readonly Condition[];
  readonly addresses?: readonly { readonly type: string; readonly value: string }[];
  readonly listeners?: readonly {
    name: string;
    supportedKinds: gatewayApi.RouteKind[];
    attachedRoutes: number;
    conditions: readonly Condition[];
  }[];
  /** Of routes. */
  readonly parents?: readonly { parentRef: gatewayApi.ParentRef; controllerName: string; conditions: readonly Condition[] }[];
  /** Of policies. */
  readonly ancestors?: readonly { ancestorRef: gatewayApi.ParentRef; controllerName: string; conditions: readonly Condition[] }[];
}

const intern = interner<ObjectStatus>();

export function statusOf(
  object: { kind?: string; metadata?: { namespace?: string; name?: string; generation?: number } },
  said: Omit<ObjectStatus, 'object' | 'generation'>,
): ObjectStatus {
  const { namespace, name = '', generation = 0 } = object.metadata ?? {};
  return intern({ object: { kind: object.kind!, ...(namespace ? { namespace } : {}), name }, generation, ...said });
}
