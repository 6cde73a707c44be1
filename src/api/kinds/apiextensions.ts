import type { CustomResourceDefinition } from 'kubernetes-types/apiextensions/v1.js';
import { CustomResourceDefinitions } from '../resources.ts';
import { type Causes, dns1035, dnsSubdomain, follow } from './check.ts';
import { column, nameColumn } from './columns.ts';
import { define } from './define.ts';
import { checkVersions } from './definitions/versions.ts';

export const customResourceDefinitions = define<CustomResourceDefinition>({
  resource: CustomResourceDefinitions,
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  schema: 'k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
  status: true,
  default(o) {
    const names = o.spec?.names;
    if (!names) return;
    names.singular ||= names.kind?.toLowerCase();
    names.listKind ||= names.kind && `${names.kind}List`;
    o.spec.conversion ??= { strategy: 'None' };
    const service = o.spec.conversion.webhook?.clientConfig?.service;
    if (service) service.port ??= 443;
  },
  check,
  columns: [nameColumn, column('Created At', (o) => o.metadata?.creationTimestamp ?? null, 'date')],
});

type Spec = CustomResourceDefinition['spec'];

function check(causes: Causes, o: CustomResourceDefinition, old: CustomResourceDefinition | undefined): void {
  const spec: Partial<Spec> = o.spec ?? {};
  const { group = '', scope } = spec;
  const plural = spec.names?.plural ?? '';
  if (o.metadata?.name && o.metadata.name !== `${plural}.${group}`) {
    causes.invalid('metadata.name', o.metadata.name, 'must be spec.names.plural+"."+spec.group');
  }
  if (!group) causes.required('spec.group');
  else {
    if (dnsSubdomain(group)) follow(causes, 'spec.group', group, dnsSubdomain);
    else if (!group.includes('.')) causes.invalid('spec.group', group, 'should be a domain with at least one dot');
    checkProtected(causes, o, group);
  }
  if (!scope) causes.required('spec.scope');
  else causes.oneOf('spec.scope', scope, ['Cluster', 'Namespaced']);
  checkNames(causes, spec.names ?? {});
  checkConversion(causes, spec.conversion);
  checkVersions(causes, spec);
  if (spec.preserveUnknownFields) {
    const why = 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
    causes.invalid('spec.preserveUnknownFields', true, why);
  }
  checkStored(causes, o);
  if (!old) return;
  causes.immutable('spec.group', group, old.spec.group);
  causes.immutable('spec.names.plural', plural, old.spec.names.plural);
  if (old.status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True')) {
    causes.immutable('spec.scope', scope, old.spec.scope);
    causes.immutable('spec.names.kind', spec.names?.kind, old.spec.names.kind);
  }
}

/** Groups of the Kubernetes community are for what it has approved. */
function checkProtected(causes: Causes, { metadata }: CustomResourceDefinition, group: string): void {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(group)) return;
  const approval = metadata?.annotations?.['api-approved.kubernetes.io'];
  if (approval?.startsWith('unapproved') || (approval && URL.canParse(approval))) return;
  const field = 'metadata.annotations[api-approved.kubernetes.io]';
  if (approval)
    causes.invalid(
      field,
      approval,
      'protected groups must have approval annotation "api-approved.kubernetes.io" with either a URL or a reason starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111',
    );
  else
    causes.required(
      field,
      'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
    );
}

function checkNames(causes: Causes, names: Partial<Spec['names']>): void {
  const { plural, singular, kind, listKind } = names;
  if (!plural) causes.required('spec.names.plural');
  else follow(causes, 'spec.names.plural', plural, dns1035);
  if (!singular) causes.required('spec.names.singular');
  else follow(causes, 'spec.names.singular', singular, dns1035);
  for (const field of ['kind', 'listKind'] as const) {
    const value = names[field];
    const wrong = value && dns1035(value.toLowerCase());
    if (!value) causes.required(`spec.names.${field}`);
    else if (wrong) causes.invalid(`spec.names.${field}`, value, `may have mixed case, but should otherwise match: ${wrong}`);
  }
  if (kind && kind === listKind) causes.invalid('spec.names.listKind', listKind, 'kind and listKind may not be the same');
  names.shortNames?.forEach((short, i) => follow(causes, `spec.names.shortNames[${i}]`, short, dns1035));
  names.categories?.forEach((category, i) => follow(causes, `spec.names.categories[${i}]`, category, dns1035));
}

const REVIEWS = ['v1', 'v1beta1'];

function checkConversion(causes: Causes, conversion: Spec['conversion']): void {
  if (!conversion) return;
  const { strategy, webhook } = conversion;
  if (strategy === 'Webhook') {
    const config = webhook?.clientConfig;
    const at = 'spec.conversion.webhookClientConfig';
    if (!config) causes.required(at, 'required when strategy is set to Webhook');
    else if (Boolean(config.url) === Boolean(config.service)) causes.required(at, 'exactly one of url or service is required');
    if (config?.url) checkUrl(causes, `${at}.url`, config.url);
    if (config?.service) {
      if (!config.service.name) causes.required(`${at}.service.name`, 'service name is required');
      if (!config.service.namespace) causes.required(`${at}.service.namespace`, 'service namespace is required');
    }
    const versions = webhook?.conversionReviewVersions ?? [];
    if (versions.length === 0) causes.required('spec.conversion.conversionReviewVersions');
    else if (!versions.some((version) => REVIEWS.includes(version))) {
      causes.invalid('spec.conversion.conversionReviewVersions', versions, `must include at least one of ${REVIEWS.join(', ')}`);
    }
  } else if (strategy === 'None') {
    if (webhook) causes.forbidden('spec.conversion.webhookClientConfig', 'should not be set when strategy is not set to Webhook');
  } else if (!strategy) causes.required('spec.conversion.strategy');
  else causes.unsupported('spec.conversion.strategy', strategy, ['None', 'Webhook']);
}

function checkUrl(causes: Causes, at: string, url: string): void {
  const form = 'desired format: https://host[:port]/path';
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed) return causes.required(at, `url must be a valid URL: invalid URL; ${form}`);
  if (parsed.protocol !== 'https:') causes.invalid(at, parsed.protocol.slice(0, -1), `'https' is the only allowed URL scheme; ${form}`);
  if (parsed.username || parsed.password) causes.invalid(at, '***', 'user information is not permitted in the URL');
  if (parsed.hash) causes.invalid(at, parsed.hash.slice(1), 'fragments are not permitted in the URL');
  if (parsed.search) causes.invalid(at, parsed.search.slice(1), 'query parameters are not permitted in the URL');
}

/** Versions in which objects may still be stored cannot go. */
function checkStored(causes: Causes, { spec, status }: CustomResourceDefinition): void {
  const names = new Set((spec?.versions ?? []).map((v) => v.name));
  status?.storedVersions?.forEach((version, i) => {
    if (!names.has(version)) causes.invalid(`status.storedVersions[${i}]`, version, 'must appear in spec.versions');
  });
}
