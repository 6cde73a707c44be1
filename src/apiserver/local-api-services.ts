/**
 * The APIServices of what the server itself serves: one for each group and version. Where they stand among others, and so in what
 * order clients try groups, is as the real server has it.
 */
import { ApiServices, groupVersions, type AnyObject, type Catalog } from '../api/index.ts';
import type { BuiltIns } from './built-ins.ts';

const PREFIX = `${ApiServices.group}/${ApiServices.plural}/`;
const LABEL = 'kube-aggregator.kubernetes.io/automanaged';

/** Priorities of the groups. */
const GROUPS: Readonly<Record<string, number>> = {
  '': 18_000,
  apps: 17_800,
  'events.k8s.io': 17_750,
  'authentication.k8s.io': 17_700,
  'authorization.k8s.io': 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  'certificates.k8s.io': 17_300,
  'networking.k8s.io': 17_200,
  extensions: 17_150,
  policy: 17_100,
  'rbac.authorization.k8s.io': 17_000,
  'storage.k8s.io': 16_800,
  'admissionregistration.k8s.io': 16_700,
  'apiextensions.k8s.io': 16_700,
  'scheduling.k8s.io': 16_600,
  'coordination.k8s.io': 16_500,
  'node.k8s.io': 16_300,
  'discovery.k8s.io': 16_200,
  'resource.k8s.io': 16_200,
  'flowcontrol.apiserver.k8s.io': 16_100,
};
/** Priorities of versions in their groups that are not those of all. */
const VERSIONS: Readonly<Record<string, number>> = {
  'v1.': 1,
  'v1.flowcontrol.apiserver.k8s.io': 21,
  'v1.resource.k8s.io': 21,
  'v2.autoscaling': 30,
};
const STABLE = 15;
const BETA = 9;
/** Of a group that definitions brought. */
const CUSTOM = { groupPriorityMinimum: 1000, versionPriority: 100 };

export function localApiServices(catalog: Catalog): BuiltIns {
  let known: { generation: number; byKey: ReadonlyMap<string, { group: string; version: string }> } | undefined;
  const byKey = (): ReadonlyMap<string, { group: string; version: string }> => {
    if (known?.generation !== catalog.generation) {
      // Its own group stands before all others, and needs nobody to say so.
      const all = groupVersions(catalog).filter(({ group }) => group !== ApiServices.group);
      known = { generation: catalog.generation, byKey: new Map(all.map((gv) => [`${PREFIX}/${gv.version}.${gv.group}`, gv])) };
    }
    return known.byKey;
  };
  return {
    prefix: PREFIX,
    keys: () => byKey().keys(),
    make(key, since) {
      const found = byKey().get(key);
      return found && serviceOf(found.group, found.version, since);
    },
  };
}

function serviceOf(group: string, version: string, since: string): AnyObject {
  const name = `${version}.${group}`;
  const first = GROUPS[group];
  const priority = first
    ? { groupPriorityMinimum: first, versionPriority: VERSIONS[name] ?? (/^v\d+$/.test(version) ? STABLE : BETA) }
    : CUSTOM;
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name, labels: { [LABEL]: first ? 'onstart' : 'true' } },
    spec: { ...(group ? { group } : {}), version, ...priority },
    status: {
      conditions: [
        {
          type: 'Available',
          status: 'True',
          lastTransitionTime: since,
          reason: 'Local',
          message: 'Local APIServices are always available',
        },
      ],
    },
  };
}
