/** Sidecars in files: what `istioctl kube-inject` makes of what people are about to apply. */
import type { Pod, PodTemplateSpec } from 'kubernetes-types/core/v1.js';
import type { KubeObject } from '../api/index.ts';
import { injectSidecar } from './inject.ts';

type Template = { readonly template?: PodTemplateSpec };
type Spec = Template & { readonly jobTemplate?: { readonly spec?: Template } };

/** Kinds whose pods are made of `spec.template`. */
const TEMPLATED: ReadonlySet<string> = new Set(['DaemonSet', 'Deployment', 'Job', 'ReplicaSet', 'ReplicationController', 'StatefulSet']);
/** Asked for by the command, so that only the pod itself can say no. */
const WANTED = { 'istio-injection': 'enabled' };

/** The object with sidecars in its pods; the same object where it has none, or they want none. */
export function injectInto<T extends KubeObject>(object: T): T {
  const { kind = '', items } = object as T & { readonly items?: readonly KubeObject[] };
  if (items && kind.endsWith('List')) return { ...object, items: items.map(injectInto) };
  if (kind === 'Pod') return injectSidecar(object as Pod, WANTED) as T;
  const { spec } = object as { readonly spec?: Spec };
  const name = object.metadata?.name;
  if (TEMPLATED.has(kind) && spec?.template) return { ...object, spec: { ...spec, template: injectTemplate(spec.template, name) } };
  const job = spec?.jobTemplate;
  if (kind !== 'CronJob' || !job?.spec?.template) return object;
  const template = injectTemplate(job.spec.template, name);
  return { ...object, spec: { ...spec, jobTemplate: { ...job, spec: { ...job.spec, template } } } };
}

/** Pods of a template are called after the object that has it. */
function injectTemplate(template: PodTemplateSpec, owner: string | undefined): PodTemplateSpec {
  const named: Pod = { ...template, metadata: { ...template.metadata, ...(owner ? { name: owner } : {}) } };
  const made = injectSidecar(named, WANTED);
  if (made === named) return template;
  const { name: _owner, ...metadata } = made.metadata ?? {};
  return { ...made, metadata: { ...metadata, ...(template.metadata?.name ? { name: template.metadata.name } : {}) } };
}
