/** Which requests a webhook or a policy is for. Pure. */
import type { AdmissionRule, AnyObject, KindDef, Served } from '../../api/index.ts';
import { labelSelectorOf, versionsOf, type LabelSelectorObject } from '../../api/index.ts';
import type { AdmissionRequest } from './admission.ts';

/** The configurations themselves: a webhook could otherwise keep its own removal from happening. */
const EXEMPT_GROUP = 'admissionregistration.k8s.io';

export interface Matched {
  readonly rules: readonly AdmissionRule[];
  /** What these match is not matched. */
  readonly excluded?: readonly AdmissionRule[] | undefined;
  /** `Exact`: only requests in the versions that the rules name. */
  readonly matchPolicy?: string | undefined;
  readonly namespaceSelector?: LabelSelectorObject | undefined;
  readonly objectSelector?: LabelSelectorObject | undefined;
}

type NamespaceLabels = (name: string) => Readonly<Record<string, string>> | undefined;

export interface Matcher {
  /** False when no request about objects of the kind can match, whatever else it is. */
  concerns(def: KindDef): boolean;
  /** The version in which the objects of the request are to be shown; undefined: it does not match. */
  match(request: AdmissionRequest, labelsOf: NamespaceLabels): Served | undefined;
}

export function matcherOf({ rules, excluded = [], matchPolicy, namespaceSelector, objectSelector }: Matched): Matcher {
  const namespaces = labelSelectorOf(namespaceSelector ?? {});
  const objects = labelSelectorOf(objectSelector ?? {});
  const exact = matchPolicy === 'Exact';
  return {
    concerns: (def) =>
      def.resource.group !== EXEMPT_GROUP &&
      versionsOf(def).some((served) =>
        rules.some((rule) => has(rule.apiGroups, served.group) && rule.resources?.some((text) => isOf(text, def.resource.plural))),
      ),
    match(request, labelsOf) {
      if (request.def.resource.group === EXEMPT_GROUP) return undefined;
      if (namespaces.requirements.length > 0 && !namespaces.matches(namespaceLabels(request, labelsOf))) {
        // What is in no namespace, and is none, cannot be chosen by namespace: it always is.
        if (request.namespace !== undefined || isNamespace(request.def)) return undefined;
      }
      if (objects.requirements.length > 0 && !objectsOf(request).some((object) => objects.matches(object.metadata?.labels)))
        return undefined;
      return versionIn(excluded, request, exact) ? undefined : versionIn(rules, request, exact);
    },
  };
}

/** The version in which rules match a request: the one that was asked for before all others. */
function versionIn(rules: readonly AdmissionRule[], request: AdmissionRequest, exact: boolean): Served | undefined {
  if (rules.some((rule) => fits(rule, request, request.served))) return request.served;
  if (exact) return undefined;
  for (const rule of rules) {
    const found = versionsOf(request.def).find((served) => fits(rule, request, served));
    if (found) return found;
  }
  return undefined;
}

const isNamespace = ({ resource }: KindDef): boolean => resource.group === '' && resource.plural === 'namespaces';

function namespaceLabels(request: AdmissionRequest, labelsOf: NamespaceLabels): Readonly<Record<string, string>> | undefined {
  if (!isNamespace(request.def)) return request.namespace === undefined ? undefined : labelsOf(request.namespace);
  return request.object.metadata?.labels;
}

function objectsOf({ operation, object, oldObject }: AdmissionRequest): AnyObject[] {
  if (operation === 'CONNECT') return [];
  return oldObject ? [object, oldObject] : [object];
}

function fits(rule: AdmissionRule, { operation, def, name, subresource = '' }: AdmissionRequest, served: Served): boolean {
  const { plural, namespaced } = def.resource;
  if (rule.scope === 'Cluster' && namespaced) return false;
  if (rule.scope === 'Namespaced' && !namespaced) return false;
  if (rule.resourceNames && rule.resourceNames.length > 0 && !rule.resourceNames.includes(name)) return false;
  if (!has(rule.operations, operation) || !has(rule.apiGroups, served.group) || !has(rule.apiVersions, served.version)) return false;
  return (rule.resources ?? []).some((text) => {
    const [, sub = ''] = split(text);
    return isOf(text, plural) && (sub === '*' || sub === subresource);
  });
}

function has(values: readonly string[] | undefined, wanted: string): boolean {
  return values !== undefined && (values.includes('*') || values.includes(wanted));
}

function isOf(text: string, plural: string): boolean {
  const [resource] = split(text);
  return resource === '*' || resource === plural;
}

function split(text: string): [string, string?] {
  const slash = text.indexOf('/');
  return slash < 0 ? [text] : [text.slice(0, slash), text.slice(slash + 1)];
}
