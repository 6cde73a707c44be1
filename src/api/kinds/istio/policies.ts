import type { KubeObject, Resource } from '../../object.ts';
import { PeerAuthentications } from '../../resources.ts';
import type { Schema } from '../../kind.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { define } from '../define.ts';
import { checkDuration } from './checks.ts';
import {
  authorizationPolicySpec,
  envoyFilterSpec,
  istioObject,
  peerAuthenticationSpec,
  requestAuthenticationSpec,
  sidecarSpec,
  telemetrySpec,
  workloadEntrySpec,
} from './schema.ts';
import { networking, security, telemetry } from './shared.ts';
import type { PeerAuthentication, WorkloadEntrySpec } from './types.ts';

function resource<T extends KubeObject>(group: string, kind: string, plural: string): Resource<T> {
  return { group: `${group}.istio.io`, version: 'v1', kind, plural, namespaced: true };
}

const schemaOf = (spec: Schema) => (): Schema => istioObject(spec);

interface Specified<Spec> extends KubeObject {
  spec?: Spec;
}

export const workloadEntries = define<Specified<WorkloadEntrySpec>>({
  ...networking,
  resource: resource('networking', 'WorkloadEntry', 'workloadentries'),
  shortNames: ['we'],
  schema: schemaOf(workloadEntrySpec),
  columns: [nameColumn, ageColumn, column('Address', (o) => o.spec?.address ?? null)],
});

export const sidecars = define({
  ...networking,
  resource: resource('networking', 'Sidecar', 'sidecars'),
  schema: schemaOf(sidecarSpec),
});

export const envoyFilters = define({
  ...networking,
  resource: resource('networking', 'EnvoyFilter', 'envoyfilters'),
  schema: schemaOf(envoyFilterSpec),
});

export const peerAuthentications = define<PeerAuthentication>({
  ...security,
  resource: PeerAuthentications,
  shortNames: ['pa'],
  schema: schemaOf(peerAuthenticationSpec),
  check(causes, o) {
    const { selector, portLevelMtls = {} } = o.spec ?? {};
    const ports = Object.keys(portLevelMtls);
    if (ports.length && !Object.keys(selector?.matchLabels ?? {}).length) {
      causes.invalid('spec.portLevelMtls', ports, 'port-level mTLS needs a selector that names the workloads');
    }
    for (const port of ports) {
      if (!/^\d+$/.test(port) || Number(port) < 1 || Number(port) > 65535) {
        causes.invalid(`spec.portLevelMtls[${port}]`, port, 'must be a port number');
      }
    }
  },
  columns: [nameColumn, column('Mode', (o) => o.spec?.mtls?.mode ?? null), ageColumn],
});

interface Authorization {
  action?: string;
  provider?: { name?: string };
}

export const authorizationPolicies = define<Specified<Authorization>>({
  ...security,
  resource: resource('security', 'AuthorizationPolicy', 'authorizationpolicies'),
  shortNames: ['ap'],
  schema: schemaOf(authorizationPolicySpec),
  check(causes, o) {
    if (o.spec?.action === 'CUSTOM' && !o.spec.provider?.name) {
      causes.required('spec.provider.name', '`provider.name` must not be empty with CUSTOM action');
    }
    if (o.spec?.provider && o.spec.action !== 'CUSTOM') causes.forbidden('spec.provider', '`provider` must not be with non CUSTOM action');
  },
  columns: [nameColumn, column('Action', (o) => o.spec?.action ?? null), ageColumn],
});

interface Authentication {
  jwtRules?: { issuer?: string; jwks?: string; jwksUri?: string; timeout?: string }[];
}

export const requestAuthentications = define<Specified<Authentication>>({
  ...security,
  resource: resource('security', 'RequestAuthentication', 'requestauthentications'),
  shortNames: ['ra'],
  schema: schemaOf(requestAuthenticationSpec),
  check(causes, o) {
    o.spec?.jwtRules?.forEach((rule, i) => {
      if (!rule.issuer) causes.required(`spec.jwtRules[${i}].issuer`, 'issuer must be set');
      if (rule.jwks && rule.jwksUri) causes.invalid(`spec.jwtRules[${i}]`, rule.issuer, 'only one of jwks and jwksUri may be set');
      checkDuration(causes, `spec.jwtRules[${i}].timeout`, rule.timeout);
    });
  },
});

export const telemetries = define({
  ...telemetry,
  resource: resource('telemetry', 'Telemetry', 'telemetries'),
  shortNames: ['telemetry'],
  schema: schemaOf(telemetrySpec),
});
