/** Kinds of `security.istio.io` and `extensions.istio.io`. */
import type { KubeObject } from '../../object.ts';
import { AuthorizationPolicies, PeerAuthentications, RequestAuthentications } from '../../resources.ts';
import type { Causes } from '../check.ts';
import { AGE, defineCustom, shows } from '../custom.ts';
import { checkCidr, checkDuration, checkHeaderName } from './checks.ts';
import { extensions, istioResource, security } from './shared.ts';
import type { AuthorizationPolicy, PeerAuthentication, RequestAuthentication } from './types.ts';

interface Specified<Spec> extends KubeObject {
  spec?: Spec;
}

export const peerAuthentications = defineCustom<PeerAuthentication>({
  ...security,
  resource: PeerAuthentications,
  shortNames: ['pa'],
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
  columns: [shows('Mode', '.spec.mtls.mode'), AGE],
});

export const authorizationPolicies = defineCustom<AuthorizationPolicy>({
  ...security,
  resource: AuthorizationPolicies,
  shortNames: ['ap'],
  check: checkAuthorization,
  columns: [shows('Action', '.spec.action'), AGE],
});

function checkAuthorization(causes: Causes, o: AuthorizationPolicy): void {
  const { action, provider, rules = [] } = o.spec ?? {};
  if (action === 'CUSTOM' && !provider?.name) {
    causes.required('spec.provider.name', '`provider.name` must not be empty with CUSTOM action');
  }
  if (provider && action !== 'CUSTOM') causes.forbidden('spec.provider', '`provider` must not be with non CUSTOM action');
  rules.forEach(({ from, to, when }, i) => {
    const at = `spec.rules[${i}]`;
    if (from?.length === 0) causes.required(`${at}.from`, 'from cannot be empty, should be nil if not used');
    if (to?.length === 0) causes.required(`${at}.to`, 'to cannot be empty, should be nil if not used');
    from?.forEach(({ source }, j) => {
      const here = `${at}.from[${j}].source`;
      checkLists(causes, here, source);
      for (const field of ['ipBlocks', 'notIpBlocks', 'remoteIpBlocks', 'notRemoteIpBlocks'] as const)
        source?.[field]?.forEach((block, k) => checkCidr(causes, `${here}.${field}[${k}]`, block));
      if (action === 'CUSTOM' && (source?.requestPrincipals || source?.notRequestPrincipals))
        causes.forbidden(`${here}.requestPrincipals`, 'cannot be used with CUSTOM action, which asks before tokens are known');
    });
    to?.forEach(({ operation }, j) => {
      const here = `${at}.to[${j}].operation`;
      checkLists(causes, here, operation);
      for (const field of ['ports', 'notPorts'] as const) {
        operation?.[field]?.forEach((port, k) => {
          if (!/^\d+$/.test(port) || Number(port) < 1 || Number(port) > 65535)
            causes.invalid(`${here}.${field}[${k}]`, port, 'port must be a number in the range 1..65535');
        });
      }
    });
    when?.forEach(({ key, values, notValues }, j) => {
      const here = `${at}.when[${j}]`;
      if (!key) causes.required(`${here}.key`, 'key cannot be empty');
      if (!values?.length && !notValues?.length) causes.required(`${here}.values`, 'at least one of values, not values is required');
      if (key === 'source.ip' || key === 'remote.ip') {
        values?.forEach((value, k) => checkCidr(causes, `${here}.values[${k}]`, value));
        notValues?.forEach((value, k) => checkCidr(causes, `${here}.notValues[${k}]`, value));
      }
    });
  });
}

/** A source or an operation says something, and no list of it is empty or has an empty value. */
function checkLists(causes: Causes, at: string, lists: object | undefined): void {
  const fields = Object.entries(lists ?? {}) as [string, string[] | undefined][];
  if (!fields.length) return causes.required(at, 'cannot be empty');
  for (const [field, values] of fields) {
    if (!values?.length) causes.required(`${at}.${field}`, `${field} cannot be empty, should be nil if not used`);
    values?.forEach((value, i) => {
      if (!value) causes.invalid(`${at}.${field}[${i}]`, value, 'value cannot be empty');
    });
  }
}

export const requestAuthentications = defineCustom<RequestAuthentication>({
  ...security,
  resource: RequestAuthentications,
  shortNames: ['ra'],
  columns: [],
  check(causes, o) {
    o.spec?.jwtRules?.forEach((rule, i) => {
      const at = `spec.jwtRules[${i}]`;
      if (!rule.issuer) causes.required(`${at}.issuer`, 'issuer must be set');
      if (rule.jwks && rule.jwksUri) causes.invalid(at, rule.issuer, 'only one of jwks and jwksUri may be set');
      if (rule.jwksUri && !/^https?:\/\/[^/]/.test(rule.jwksUri))
        causes.invalid(`${at}.jwksUri`, rule.jwksUri, 'must be a URL with scheme http:// or https://');
      checkDuration(causes, `${at}.timeout`, rule.timeout);
      rule.fromHeaders?.forEach(({ name }, j) => checkHeaderName(causes, `${at}.fromHeaders[${j}].name`, name ?? ''));
      rule.outputClaimToHeaders?.forEach(({ header }, j) =>
        checkHeaderName(causes, `${at}.outputClaimToHeaders[${j}].header`, header ?? ''),
      );
    });
  },
});

interface Plugin {
  vmConfig?: { env?: { name?: string; valueFrom?: string; value?: string }[] };
}

export const wasmPlugins = defineCustom<Specified<Plugin>>({
  ...extensions,
  resource: istioResource('extensions', 'WasmPlugin', 'v1alpha1'),
  check(causes, o) {
    const seen = new Set<string>();
    o.spec?.vmConfig?.env?.forEach(({ name = '', valueFrom, value }, i) => {
      const at = `spec.vmConfig.env[${i}]`;
      if (seen.has(name)) causes.duplicate(`${at}.name`, name);
      seen.add(name);
      if (valueFrom === 'HOST' && value) causes.forbidden(`${at}.value`, 'value for env must not be set when valueFrom is HOST');
    });
  },
});

export const trafficExtensions = defineCustom({
  ...extensions,
  resource: istioResource('extensions', 'TrafficExtension', 'v1alpha1'),
});
