/** What delivery may do on a cluster of others: the rules of its role, least first, and which of them an account lacks. Pure but for the client. */
import type { SelfSubjectAccessReview } from 'kubernetes-types/authorization/v1.js';
import type { Resource } from '../api/index.ts';
import { Fault } from '../base/index.ts';
import type { Client } from '../control/index.ts';

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const rule = (apiGroup: string, resources: readonly string[], verbs: readonly string[]): Rule => ({
  apiGroups: [apiGroup],
  resources,
  verbs,
});

/** Server-side apply of what is not there yet needs both verbs. */
const APPLY = ['get', 'create', 'patch'];
const FOLLOW = ['get', 'list', 'watch'];

/** Whatever routes the requests. */
const RULES: readonly Rule[] = [
  rule('flagger.app', ['canaries'], [...FOLLOW, 'patch']),
  rule('flagger.app', ['canaries/status'], ['update']),
  // What owns with blockOwnerDeletion must be allowed to hold its owner back.
  rule('flagger.app', ['canaries/finalizers'], ['update']),
  rule('flagger.app', ['metrictemplates'], ['get']),
  rule('flagger.app', ['alertproviders'], ['get', 'list']),
  rule('apps', ['deployments', 'daemonsets'], [...FOLLOW, 'create', 'update', 'patch', 'delete']),
  rule('autoscaling', ['horizontalpodautoscalers'], [...FOLLOW, 'create', 'patch']),
  rule('', ['services'], [...FOLLOW, 'create', 'update', 'patch', 'delete']),
  rule('', ['configmaps', 'secrets'], [...FOLLOW, 'create', 'patch', 'delete']),
  rule('', ['pods'], ['list']),
  rule('', ['events'], ['list', ...APPLY]),
];

/** By what routes the requests; `update` gives a route back that was there before. */
const ROUTES: Readonly<Record<string, readonly Rule[]>> = {
  istio: [rule('networking.istio.io', ['virtualservices'], [...APPLY, 'update']), rule('networking.istio.io', ['destinationrules'], APPLY)],
  gatewayapi: [rule('gateway.networking.k8s.io', ['httproutes'], [...APPLY, 'update'])],
  nginx: [rule('networking.k8s.io', ['ingresses'], [...APPLY, 'update'])],
};

/** In the namespace of the lease. */
export const LEASE_RULE: Rule = rule('coordination.k8s.io', ['leases'], ['get', 'create', 'update']);

/** `provider`: as `spec.provider` of a Canary. */
export function rulesFor(provider: string): readonly Rule[] {
  return [...RULES, ...(ROUTES[provider.split(':')[0]!] ?? [])];
}

const Reviews: Resource<SelfSubjectAccessReview> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectAccessReview',
  plural: 'selfsubjectaccessreviews',
  namespaced: false,
};

/** The parts of the rules that the client is not allowed; `namespace`: where, all when undefined. */
export async function missingRules(client: Client, rules: readonly Rule[], namespace: string | undefined): Promise<Rule[]> {
  const missing: Rule[] = [];
  for (const { apiGroups, resources, verbs } of rules)
    for (const named of resources) {
      const [resource, subresource] = named.split('/');
      const may = async (verb: string): Promise<boolean> => {
        const resourceAttributes = { group: apiGroups[0]!, resource, subresource, verb, namespace };
        const { status } = await client.create(Reviews, { spec: { resourceAttributes } });
        return status?.allowed === true;
      };
      const allowed = await Promise.all(verbs.map(may));
      const denied = verbs.filter((_, i) => !allowed[i]);
      if (denied.length > 0) missing.push({ apiGroups, resources: [named], verbs: denied });
    }
  return missing;
}

const flow = (words: readonly string[]): string => `[${words.map((w) => JSON.stringify(w)).join(', ')}]`;

/** Rules as they stand in a Role. */
export function rulesText(rules: readonly Rule[]): string {
  return rules
    .map((r) => `  - apiGroups: ${flow(r.apiGroups)}\n    resources: ${flow(r.resources)}\n    verbs: ${flow(r.verbs)}`)
    .join('\n');
}

/** What is told to whoever runs it with an account that may too little. */
export function forbidden(missing: readonly Rule[], where: string): Fault {
  const what = missing.map((r) => `${r.verbs.join(', ')} ${r.resources[0]}${r.apiGroups[0] ? `.${r.apiGroups[0]}` : ''}`);
  return new Fault('AccessMissing', `the account that this runs as may not: ${what.join('; ')} (${where})`, {
    hint: `Add to the rules of its role, or install the chart with rbac.create=true:\n${rulesText(missing)}`,
  });
}
