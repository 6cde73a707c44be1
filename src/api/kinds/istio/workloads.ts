/** Kinds of `networking.istio.io` that are about workloads and their proxies. */
import type { KubeObject } from '../../object.ts';
import { EnvoyFilters, ProxyConfigs, WorkloadEntries, WorkloadGroups } from '../../resources.ts';
import { type Causes, checkLabels } from '../check.ts';
import { AGE, defineCustom, shows } from '../custom.ts';
import { checkHost, checkPortNumber, isIp } from './checks.ts';
import { istioResource, networking } from './shared.ts';
import type { EnvoyFilter, WorkloadEntry, WorkloadGroup } from './proxy-types.ts';
import type { WorkloadEntrySpec } from './types.ts';

interface Specified<Spec> extends KubeObject {
  spec?: Spec;
}

export const workloadEntries = defineCustom<WorkloadEntry>({
  ...networking,
  resource: WorkloadEntries,
  shortNames: ['we'],
  check: (causes, o) => checkWorkload(causes, 'spec', o.spec ?? {}, true),
  columns: [AGE, shows('Address', '.spec.address')],
});

function checkWorkload(causes: Causes, at: string, { address, network, ports, labels }: WorkloadEntrySpec, addressed: boolean): void {
  if (addressed && !address && !network) causes.required(`${at}.address`, 'address is required');
  if (address?.startsWith('unix://')) {
    if (Object.keys(ports ?? {}).length) causes.forbidden(`${at}.ports`, 'unix endpoint must not include ports');
    if (!/^unix:\/\/[/@].*[^/]$/.test(address))
      causes.invalid(`${at}.address`, address, 'unix address must be an absolute path of a socket');
  } else if (address && !isIp(address)) checkHost(causes, `${at}.address`, address, false);
  for (const [name, port] of Object.entries(ports ?? {})) checkPortNumber(causes, `${at}.ports[${name}]`, port);
  checkLabels(causes, `${at}.labels`, labels);
}

export const workloadGroups = defineCustom<WorkloadGroup>({
  ...networking,
  resource: WorkloadGroups,
  shortNames: ['wg'],
  check(causes, o) {
    const { metadata, template } = o.spec ?? {};
    checkLabels(causes, 'spec.metadata.labels', metadata?.labels);
    if (template) checkWorkload(causes, 'spec.template', template, false);
  },
});

interface Listener {
  port?: { number?: number };
  hosts?: string[];
  defaultEndpoint?: string;
}

export const sidecars = defineCustom<Specified<{ ingress?: Listener[]; egress?: Listener[] }>>({
  ...networking,
  resource: istioResource('networking', 'Sidecar'),
  columns: [],
  check(causes, o) {
    const { ingress = [], egress = [] } = o.spec ?? {};
    const taken = new Set<number>();
    ingress.forEach(({ port, defaultEndpoint }, i) => {
      const at = `spec.ingress[${i}]`;
      if (port?.number === undefined) return causes.required(`${at}.port`, 'port is required for ingress listeners');
      checkPortNumber(causes, `${at}.port.number`, port.number);
      if (taken.has(port.number)) causes.invalid(`${at}.port.number`, port.number, `sidecar: ports on IP bound listeners must be unique`);
      taken.add(port.number);
      if (defaultEndpoint && !/^((127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):\d{1,5}|unix:\/\/\/.+)$/.test(defaultEndpoint)) {
        causes.invalid(
          `${at}.defaultEndpoint`,
          defaultEndpoint,
          'sidecar.ingress: defaultEndpoint must be of form 127.0.0.1:<port>, 0.0.0.0:<port>, [::1]:port, [::]:port, unix://filepath, or unset',
        );
      }
    });
    egress.forEach(({ port, hosts }, i) => {
      const at = `spec.egress[${i}]`;
      if (!port && i < egress.length - 1)
        causes.invalid(`${at}.port`, null, 'sidecar: the egress listener with empty port should be the last listener in the list');
      checkPortNumber(causes, `${at}.port.number`, port?.number);
      if (!hosts?.length) causes.required(`${at}.hosts`, 'sidecar: egress listener must contain at least one host');
      hosts?.forEach((host, j) => {
        const [namespace, name, ...rest] = host.split('/');
        if (!namespace || !name || rest.length) causes.invalid(`${at}.hosts[${j}]`, host, 'host must be of form namespace/dnsName');
        else checkHost(causes, `${at}.hosts[${j}]`, name);
      });
    });
  },
});

/** As it may come. */
interface Unchecked {
  applyTo?: string;
  patch?: { operation?: string; value?: unknown };
}

export const envoyFilters = defineCustom<EnvoyFilter>({
  ...networking,
  resource: EnvoyFilters,
  versions: [],
  columns: [],
  check(causes, o) {
    (o.spec?.configPatches as Unchecked[] | undefined)?.forEach(({ applyTo, patch }, i) => {
      const at = `spec.configPatches[${i}]`;
      if (!applyTo || applyTo === 'INVALID') causes.required(`${at}.applyTo`, 'Envoy filter: missing applyTo');
      if (!patch) return causes.required(`${at}.patch`, 'Envoy filter: missing patch');
      if (!patch.operation || patch.operation === 'INVALID')
        causes.required(`${at}.patch.operation`, 'Envoy filter: missing patch operation');
      else if (patch.operation !== 'REMOVE' && patch.value === undefined)
        causes.required(`${at}.patch.value`, 'Envoy filter: missing patch value for non-remove operation');
    });
  },
});

export const proxyConfigs = defineCustom({
  ...networking,
  resource: ProxyConfigs,
  versions: [],
  columns: [],
});
