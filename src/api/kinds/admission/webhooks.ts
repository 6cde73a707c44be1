import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ServiceReference,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from 'kubernetes-types/admissionregistration/v1.js';
import { MutatingWebhookConfigurations, ValidatingWebhookConfigurations } from '../../resources.ts';
import { type Causes, checkSelector, dns1035, dnsSubdomain, follow } from '../check.ts';
import { ageColumn, column, nameColumn } from '../columns.ts';
import { define } from '../define.ts';
import { checkConditions, checkRule, defaultRule, FAILURE_POLICIES, MATCH_POLICIES } from './rules.ts';

const SIDE_EFFECTS = ['None', 'NoneOnDryRun'];
const REVIEW_VERSIONS = ['v1', 'v1beta1'];
const DEFAULT_TIMEOUT_SECONDS = 10;
const MAX_TIMEOUT_SECONDS = 30;

type Configuration = MutatingWebhookConfiguration | ValidatingWebhookConfiguration;

const columns = [nameColumn, column<Configuration>('Webhooks', (o) => o.webhooks?.length ?? 0, 'integer'), ageColumn];

export const mutatingWebhookConfigurations = define<MutatingWebhookConfiguration>({
  resource: MutatingWebhookConfigurations,
  categories: ['api-extensions'],
  schema: 'k8s.io.api.admissionregistration.v1.MutatingWebhookConfiguration',
  default(o) {
    for (const hook of o.webhooks ?? []) {
      defaultHook(hook);
      hook.reinvocationPolicy ??= 'Never';
    }
  },
  check: checkConfiguration,
  columns,
});

export const validatingWebhookConfigurations = define<ValidatingWebhookConfiguration>({
  resource: ValidatingWebhookConfigurations,
  categories: ['api-extensions'],
  schema: 'k8s.io.api.admissionregistration.v1.ValidatingWebhookConfiguration',
  default(o) {
    for (const hook of o.webhooks ?? []) defaultHook(hook);
  },
  check: checkConfiguration,
  columns,
});

function defaultHook(hook: MutatingWebhook | ValidatingWebhook): void {
  hook.failurePolicy ??= 'Fail';
  hook.matchPolicy ??= 'Equivalent';
  hook.namespaceSelector ??= {};
  hook.objectSelector ??= {};
  hook.timeoutSeconds ??= DEFAULT_TIMEOUT_SECONDS;
  if (hook.clientConfig?.service) hook.clientConfig.service.port ??= 443;
  for (const rule of hook.rules ?? []) defaultRule(rule);
}

function checkConfiguration(causes: Causes, o: Configuration): void {
  const names = new Set<string>();
  o.webhooks?.forEach((hook, i) => {
    const at = `webhooks[${i}]`;
    checkHook(causes, at, hook);
    if (hook.name && names.has(hook.name)) causes.duplicate(`${at}.name`, hook.name);
    names.add(hook.name);
  });
}

function checkHook(causes: Causes, at: string, hook: MutatingWebhook | ValidatingWebhook): void {
  const { name, clientConfig = {}, sideEffects, timeoutSeconds, admissionReviewVersions = [] } = hook as Partial<MutatingWebhook>;
  if (!name) causes.required(`${at}.name`);
  else if (dnsSubdomain(name)) follow(causes, `${at}.name`, name, dnsSubdomain);
  else if (name.split('.').length < 3)
    causes.invalid(`${at}.name`, name, 'should be a domain with at least three segments separated by dots');
  hook.rules?.forEach((rule, i) => checkRule(causes, `${at}.rules[${i}]`, rule));
  causes.oneOf(`${at}.failurePolicy`, hook.failurePolicy, FAILURE_POLICIES);
  causes.oneOf(`${at}.matchPolicy`, hook.matchPolicy, MATCH_POLICIES);
  if ('reinvocationPolicy' in hook) causes.oneOf(`${at}.reinvocationPolicy`, hook.reinvocationPolicy, ['IfNeeded', 'Never']);
  if (!sideEffects) causes.required(`${at}.sideEffects`, `must specify one of ${SIDE_EFFECTS.join(', ')}`);
  else causes.oneOf(`${at}.sideEffects`, sideEffects, SIDE_EFFECTS);
  if (timeoutSeconds !== undefined && (timeoutSeconds < 1 || timeoutSeconds > MAX_TIMEOUT_SECONDS)) {
    causes.invalid(`${at}.timeoutSeconds`, timeoutSeconds, `the timeout value must be between 1 and ${MAX_TIMEOUT_SECONDS} seconds`);
  }
  checkSelector(causes, `${at}.namespaceSelector`, hook.namespaceSelector);
  checkSelector(causes, `${at}.objectSelector`, hook.objectSelector);

  const { url, service } = clientConfig;
  if ((url === undefined) === (service === undefined)) {
    causes.required(`${at}.clientConfig`, 'exactly one of url or service is required');
  } else if (url !== undefined) checkUrl(causes, `${at}.clientConfig.url`, url);
  else if (service) checkService(causes, `${at}.clientConfig.service`, service);
  checkConditions(causes, `${at}.matchConditions`, hook.matchConditions);
  checkReviewVersions(causes, `${at}.admissionReviewVersions`, admissionReviewVersions);
}

const URL_FORM = '; desired format: https://host[/path]';

function checkUrl(causes: Causes, at: string, text: string): void {
  const url = URL.parse(text);
  if (!url) return causes.required(at, `url must be a valid URL${URL_FORM}`);
  if (url.protocol !== 'https:') causes.invalid(at, url.protocol.slice(0, -1), `'https' is the only allowed URL scheme${URL_FORM}`);
  if (url.host === '') causes.invalid(at, '', `host must be specified${URL_FORM}`);
  if (url.username !== '' || url.password !== '') causes.invalid(at, url.username, 'user information is not permitted in the URL');
  if (url.hash !== '') causes.invalid(at, url.hash.slice(1), 'fragments are not permitted in the URL');
  if (url.search !== '') causes.invalid(at, url.search.slice(1), 'query parameters are not permitted in the URL');
}

function checkService(causes: Causes, at: string, { name, namespace, path = '', port }: ServiceReference): void {
  if (!name) causes.required(`${at}.name`);
  if (!namespace) causes.required(`${at}.namespace`);
  if (port !== undefined && (port < 1 || port > 65_535)) {
    causes.invalid(`${at}.port`, port, 'port is not valid: must be between 1 and 65535, inclusive');
  }
  if (path === '' || path === '/') return;
  if (!path.startsWith('/')) causes.invalid(`${at}.path`, path, "must start with a '/'");
  // What stands before the first slash is passed over, whatever it is.
  const steps = path
    .replace(/^[^/]*\/?/, '')
    .replace(/\/$/, '')
    .split('/');
  steps.forEach((step, i) => {
    const wrong = step === '' ? ' may not be empty' : dnsSubdomain(step);
    if (wrong) causes.invalid(`${at}.path`, path, `segment[${i}]${step === '' ? wrong : `: ${wrong}`}`);
  });
}

function checkReviewVersions(causes: Causes, at: string, versions: readonly string[]): void {
  if (versions.length === 0) return causes.required(at, `must specify one of ${REVIEW_VERSIONS.join(', ')}`);
  versions.forEach((version, i) => {
    if (versions.indexOf(version) < i) causes.invalid(`${at}[${i}]`, version, 'duplicate version');
    else follow(causes, `${at}[${i}]`, version, dns1035);
  });
  if (!versions.some((version) => REVIEW_VERSIONS.includes(version))) {
    causes.invalid(at, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`);
  }
}
