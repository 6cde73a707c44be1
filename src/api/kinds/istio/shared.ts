import type { LegacyVersion } from '../../kind.ts';

/** The versions of a group that old clients use; their shape is the same. */
function older(group: string, ...versions: string[]): LegacyVersion[] {
  return versions.map((version) => ({ group, version, warning: '' }));
}

const custom = { status: true, custom: true } as const;

/** What the kinds of `networking.istio.io` have in common. */
export const networking = {
  ...custom,
  categories: ['istio-io', 'networking-istio-io'],
  legacy: older('networking.istio.io', 'v1beta1', 'v1alpha3'),
} as const;

/** What the kinds of `security.istio.io` have in common. */
export const security = {
  ...custom,
  categories: ['istio-io', 'security-istio-io'],
  legacy: older('security.istio.io', 'v1beta1'),
} as const;

/** What the kinds of `telemetry.istio.io` have in common. */
export const telemetry = {
  ...custom,
  categories: ['istio-io', 'telemetry-istio-io'],
  legacy: older('telemetry.istio.io', 'v1alpha1'),
} as const;
