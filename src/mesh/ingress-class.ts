import type { Ingress, IngressClass } from 'kubernetes-types/networking/v1.js';

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
const DEFAULT_ANNOTATION = 'ingressclass.kubernetes.io/is-default-class';

/** Whose rules an Ingress follows: of NGINX' controller a host with a certificate redirects to it, unless told not to. */
export type IngressFlavor = 'nginx' | 'istio';

const CONTROLLERS: Readonly<Record<string, IngressFlavor>> = {
  'k8s.io/ingress-nginx': 'nginx',
  'istio.io/ingress-controller': 'istio',
};
/** Names that need no IngressClass, since manifests have long used them by annotation. */
const NAMES: Readonly<Record<string, IngressFlavor>> = { nginx: 'nginx', istio: 'istio' };

/** The classes that the ingress gateway serves. */
export const ingressClasses: readonly IngressClass[] = Object.entries(CONTROLLERS).map(([controller, name]) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IngressClass',
  metadata: { name, ...(name === 'nginx' ? { annotations: { [DEFAULT_ANNOTATION]: 'true' } } : {}) },
  spec: { controller },
}));

/** The class an Ingress names. */
export function className(ingress: Ingress): string | undefined {
  return ingress.spec?.ingressClassName ?? ingress.metadata?.annotations?.[CLASS_ANNOTATION];
}

/** How the ingress gateway serves the object; undefined when it is somebody else's. */
export function flavorOf(ingress: Ingress, classes: ReadonlyMap<string, IngressClass>): IngressFlavor | undefined {
  const name = className(ingress);
  const object =
    name === undefined ? [...classes.values()].find((c) => c.metadata?.annotations?.[DEFAULT_ANNOTATION] === 'true') : classes.get(name);
  if (object) return CONTROLLERS[object.spec?.controller ?? ''];
  return name === undefined ? undefined : NAMES[name];
}
