import type { KubeObject, Resource } from '../../object.ts';
import { AGE, customResource } from '../custom.ts';
import { shapesIn } from '../schema/shapes.edge.ts';

export const istioShapes = shapesIn('io.istio', new URL('./istio.shapes', import.meta.url));

/**
 * What Istio's kinds have in common. Their definitions belong to the Helm release that Istio's guides make, so that Helm takes
 * them over where it would otherwise refuse to.
 */
const custom = {
  shapes: istioShapes,
  columns: [AGE],
  labels: { app: 'istio-pilot', 'app.kubernetes.io/managed-by': 'Helm', release: 'istio' },
  annotations: {
    'helm.sh/resource-policy': 'keep',
    'meta.helm.sh/release-name': 'istio-base',
    'meta.helm.sh/release-namespace': 'istio-system',
  },
} as const;

const group = <V extends readonly string[]>(name: string, versions: V) =>
  ({ ...custom, categories: ['istio-io', `${name}-istio-io`], versions }) as const;

/** What the kinds of `networking.istio.io` have in common. */
export const networking = group('networking', ['v1beta1', 'v1alpha3']);
/** What the kinds of `security.istio.io` have in common. */
export const security = group('security', ['v1beta1']);
/** What the kinds of `telemetry.istio.io` have in common. */
export const telemetry = group('telemetry', ['v1alpha1']);
/** What the kinds of `extensions.istio.io` have in common. */
export const extensions = group('extensions', []);

export function istioResource<T extends KubeObject>(name: string, kind: string, version = 'v1'): Resource<T> {
  return customResource(`${name}.istio.io`, version, kind);
}
