/** ingress-nginx: a copy of the user's Ingress that leads to the canary, with the share or the match in its annotations. */
import type { HTTPIngressPath, Ingress } from 'kubernetes-types/networking/v1.js';
import { ApiError, Canaries, Ingresses } from '../../api/index.ts';
import { controllerReference } from '../../control/index.ts';
import type { Observation } from '../decision.ts';
import { canaryName } from '../names.ts';
import { previewMatch, serviceName, type Weights } from '../routes.ts';
import type { Settings } from '../settings.ts';
import type { Router } from './router.ts';

const PREFIX = 'nginx.ingress.kubernetes.io/canary';
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** The first of the headers is matched, as an Ingress knows one; a `cookie` is matched by its name. */
function matchAnnotations(matches: Settings['match']): Record<string, string> {
  const found: Record<string, string> = {};
  for (const match of matches) {
    for (const [header, value] of Object.entries(match.headers ?? {})) {
      if (header.toLowerCase() === 'cookie') {
        if (value.exact) found[`${PREFIX}-by-cookie`] ??= value.exact;
      } else if (found[`${PREFIX}-by-header`] === undefined) {
        found[`${PREFIX}-by-header`] = header;
        if (value.exact) found[`${PREFIX}-by-header-value`] = value.exact;
        else if (value.regex) found[`${PREFIX}-by-header-pattern`] = value.regex;
      }
    }
  }
  return found;
}

function shareAnnotations(o: Observation, weights: Weights): Record<string, string> {
  const on = { [PREFIX]: 'true' };
  const preview = previewMatch(o.settings, weights);
  if (o.settings.match.length === 0 || weights.everyone)
    return { ...on, [`${PREFIX}-weight`]: String(weights.canary), ...(preview ? matchAnnotations([preview]) : {}) };
  return weights.canary > 0 ? { ...on, ...matchAnnotations(o.settings.match) } : { ...on, [`${PREFIX}-weight`]: '0' };
}

export function canaryIngressOf(o: Observation, ingress: Ingress, weights: Weights): Ingress {
  const { settings } = o;
  let found = false;
  const lead = (path: HTTPIngressPath): HTTPIngressPath => {
    const { service } = path.backend;
    if (service?.name !== settings.apex) return path;
    found = true;
    return { ...path, backend: { ...path.backend, service: { ...service, name: serviceName('canary', settings) } } };
  };
  const rules = (ingress.spec?.rules ?? []).map((r) => (r.http ? { ...r, http: { ...r.http, paths: r.http.paths.map(lead) } } : r));
  if (!found)
    throw new ApiError(
      'BadRequest',
      `backend ${settings.apex} not found in ingress ${ingress.metadata?.name}: let one of its paths lead there.`,
    );
  const own = Object.entries(ingress.metadata?.annotations ?? {}).filter(([k]) => !k.startsWith(PREFIX) && k !== LAST_APPLIED);
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      name: canaryName(ingress.metadata?.name ?? ''),
      namespace: settings.namespace,
      ...(ingress.metadata?.labels ? { labels: ingress.metadata.labels } : {}),
      annotations: { ...Object.fromEntries(own), ...shareAnnotations(o, weights) },
      ownerReferences: [controllerReference(Canaries, o.canary)],
    },
    spec: { ...ingress.spec, rules },
  };
}

function weightsOf(ingress: Ingress, settings: Settings): Weights {
  const said = ingress.metadata?.annotations ?? {};
  // Beside a weight, a header is for previews.
  const matched = settings.match.length > 0 && (said[`${PREFIX}-by-header`] ?? said[`${PREFIX}-by-cookie`]) !== undefined;
  const canary = matched ? 100 : Number(said[`${PREFIX}-weight`] ?? 0) || 0;
  return { primary: 100 - canary, canary };
}

export const nginx: Router = {
  async read(objects, canary, settings) {
    const name = canaryName(canary.spec.ingressRef?.name ?? '');
    const found = await objects.get(Ingresses, { namespace: settings.namespace, name });
    return found && weightsOf(found, settings);
  },
  async write(objects, o, weights) {
    const name = o.canary.spec.ingressRef?.name ?? '';
    const ingress = await objects.get(Ingresses, { namespace: o.settings.namespace, name });
    if (!ingress)
      throw new ApiError('NotFound', `Ingress ${name}.${o.settings.namespace} not found: create it, or correct spec.ingressRef.`);
    await objects.apply(Ingresses, canaryIngressOf(o, ingress, weights), o);
  },
  // The user's own Ingress was never touched, and the copy goes with the canary.
  release: async () => {},
};
