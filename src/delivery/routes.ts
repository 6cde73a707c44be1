/** Shares of the traffic, and the Services of both sides of a release. Pure. */
import type { Service } from 'kubernetes-types/core/v1.js';
import { Canaries, type Canary } from '../api/index.ts';
import { controllerReference } from '../control/index.ts';
import { canaryName, previousName, primaryName, selectorLabel } from './names.ts';
import type { Settings } from './settings.ts';
import { extraPorts } from './port-discovery.ts';
import type { Workload } from './targets/target.ts';

/** Shares of the traffic in percent; in A/B testing, of the traffic that matches. They sum to 100. */
export interface Weights {
  readonly primary: number;
  readonly canary: number;
  /** The canary gets a copy of the primary's requests as well, and its answers are dropped. */
  readonly mirrored?: boolean;
  /** In A/B testing: these shares are those of traffic that does not match, too. */
  readonly everyone?: boolean;
}

export const ALL_PRIMARY: Weights = { primary: 100, canary: 0 };

export type Role = 'apex' | 'primary' | 'canary';

/** What the header says whose sender wants the canary. */
export const PREVIEW = 'canary';

/** The header that leads to the canary at these shares, as a match; undefined when none does, or everybody gets it anyway. */
export function previewMatch({ previewHeader }: Settings, { canary }: Weights): { headers: Record<string, { exact: string }> } | undefined {
  return previewHeader && canary > 0 && canary < 100 ? { headers: { [previewHeader]: { exact: PREVIEW } } } : undefined;
}

/** The name of a role's Service. */
export function serviceName(role: Role, settings: Settings): string {
  return role === 'apex' ? settings.apex : role === 'primary' ? primaryName(settings.apex) : canaryName(settings.apex);
}

/** Whose pods a Service selects. */
export type Lead = 'primary' | 'canary' | 'previous';

const SELECTED: Readonly<Record<Lead, (value: string) => string>> = {
  primary: primaryName,
  canary: (value) => value,
  previous: previousName,
};

/** The Service of a role; `to` says whose pods it selects: apex and primary the primary's unless told otherwise. */
export function serviceOf(
  role: Role,
  canary: Canary,
  settings: Settings,
  target: Workload,
  to: Lead = role === 'canary' ? 'canary' : 'primary',
): Service {
  const { service } = canary.spec;
  const selector = selectorLabel(target, settings)!;
  const name = serviceName(role, settings);
  const extra = service[role];
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: settings.namespace,
      labels: { [selector.label]: name, ...extra?.labels },
      ...(extra?.annotations ? { annotations: extra.annotations } : {}),
      ownerReferences: [controllerReference(Canaries, canary)],
    },
    spec: {
      type: 'ClusterIP',
      ...(service.headless ? { clusterIP: 'None' } : {}),
      selector: { [selector.label]: SELECTED[to](selector.value) },
      ports: [
        {
          name: service.portName ?? 'http',
          port: service.port,
          targetPort: service.targetPort ?? service.port,
          protocol: 'TCP',
          ...(service.appProtocol ? { appProtocol: service.appProtocol } : {}),
        },
        ...(service.portDiscovery ? extraPorts(canary, settings, target) : []),
      ],
    },
  };
}
