/** Webhook configurations as they are asked: in the order of their names. Pure. */
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from 'kubernetes-types/admissionregistration/v1.js';
import type { AnyObject, KindDef } from '../../api/index.ts';
import { expressionOf, type Conditions } from './expressions.ts';
import { matcherOf, type Matcher } from './matching.ts';

/** Where a webhook listens. */
export interface Endpoint {
  /** Without the timeout: as messages name it. */
  readonly url: string;
  readonly service: { readonly namespace: string; readonly name: string; readonly port: number } | undefined;
  /** PEM; undefined: the roots of the machine. */
  readonly ca: string | undefined;
}

export interface Hook {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly matcher: Matcher;
  readonly ignoresFailure: boolean;
  /** Seconds. */
  readonly timeout: number;
  /** True when a dry run may ask it. */
  readonly dryRun: boolean;
  readonly reviewVersions: readonly string[];
  readonly reinvoked: boolean;
  readonly conditions: Conditions;
}

/** Webhooks by the kinds that they may be asked about. */
export interface HookIndex {
  of(def: KindDef): readonly Hook[];
}

const NONE: HookIndex = { of: () => [] };

/** An index of the webhooks of configurations, which come in the order of their names. */
export function indexHooks(configurations: readonly AnyObject[]): HookIndex {
  const hooks = configurations.flatMap((object) => {
    const { webhooks = [] } = object as unknown as MutatingWebhookConfiguration | ValidatingWebhookConfiguration;
    return webhooks.map(hookOf);
  });
  if (hooks.length === 0) return NONE;
  const known = new WeakMap<KindDef, readonly Hook[]>();
  return {
    of(def) {
      let found = known.get(def);
      if (!found) known.set(def, (found = hooks.filter(({ matcher }) => matcher.concerns(def))));
      return found;
    },
  };
}

function hookOf(hook: MutatingWebhook | ValidatingWebhook): Hook {
  const { name, rules = [], clientConfig, sideEffects, timeoutSeconds = 10, admissionReviewVersions } = hook;
  return {
    name,
    endpoint: endpointOf(clientConfig),
    matcher: matcherOf({ ...hook, rules }),
    ignoresFailure: hook.failurePolicy === 'Ignore',
    timeout: timeoutSeconds,
    dryRun: sideEffects === 'None' || sideEffects === 'NoneOnDryRun',
    reviewVersions: admissionReviewVersions,
    reinvoked: 'reinvocationPolicy' in hook && hook.reinvocationPolicy === 'IfNeeded',
    conditions: (hook.matchConditions ?? []).map(({ expression }) => expressionOf(expression, 'condition')),
  };
}

/** Where a client configuration of the API says that a webhook listens. */
export function endpointOf({ url = '', service, caBundle }: MutatingWebhook['clientConfig']): Endpoint {
  const ca = caBundle ? Buffer.from(caBundle, 'base64').toString('utf8') : undefined;
  if (!service) return { url, service: undefined, ca };
  const { name, namespace, path = '/', port = 443 } = service;
  const from = path.startsWith('/') ? path : `/${path}`;
  return { url: `https://${name}.${namespace}.svc:${port}${from}`, service: { namespace, name, port }, ca };
}
