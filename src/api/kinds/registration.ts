import type { KubeObject, Resource } from '../object.ts';
import { dns1035, dnsSubdomain, follow } from './check.ts';
import { ageColumn, column, nameColumn } from './columns.ts';
import { define } from './define.ts';
import { pathSegment } from './metadata.ts';

/** `apiregistration.k8s.io/v1`: a group and version, and who serves it. */
export interface ApiService extends KubeObject {
  spec?: {
    group?: string;
    version?: string;
    groupPriorityMinimum?: number;
    versionPriority?: number;
    insecureSkipTLSVerify?: boolean;
    caBundle?: string;
    /** Absent when the server itself does. */
    service?: { namespace?: string; name?: string; port?: number };
  };
  status?: { conditions?: { type: string; status: string; reason?: string; message?: string; lastTransitionTime?: string }[] };
}

export const ApiServices: Resource<ApiService> = {
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  plural: 'apiservices',
  namespaced: false,
};

const LOCAL = { type: 'Available', status: 'True', reason: 'Local', message: 'Local APIServices are always available' };

export const apiServices = define<ApiService>({
  resource: ApiServices,
  categories: ['api-extensions'],
  schema: 'k8s.io.kube_aggregator.pkg.apis.apiregistration.v1.APIService',
  status: true,
  nameRule: pathSegment,
  default(o) {
    if (o.spec?.service) o.spec.service.port ??= 443;
    o.status ??= o.spec?.service ? {} : { conditions: [{ ...LOCAL }] };
  },
  check(causes, o) {
    const { group = '', version = '', groupPriorityMinimum, versionPriority, service, caBundle, insecureSkipTLSVerify } = o.spec ?? {};
    const name = `${version}.${group}`;
    if (o.metadata?.name && o.metadata.name !== name) {
      causes.invalid('metadata.name', o.metadata.name, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(name)}`);
    }
    if (!group && version !== 'v1') causes.required('spec.group', 'only v1 may have an empty group and it better be legacy kube');
    if (group) follow(causes, 'spec.group', group, dnsSubdomain);
    follow(causes, 'spec.version', version, dns1035);
    const between = (field: string, value = 0, most: number): void => {
      if (value <= 0 || value > most) causes.invalid(field, value, `must be positive and less than ${most}`);
    };
    between('spec.groupPriorityMinimum', groupPriorityMinimum, 20_000);
    between('spec.versionPriority', versionPriority, 1000);
    if (!service) {
      if (caBundle) {
        const bytes = Buffer.from(caBundle, 'base64').length;
        causes.invalid('spec.caBundle', `${bytes} bytes`, 'local APIServices may not have a caBundle');
      }
      if (insecureSkipTLSVerify) {
        causes.invalid('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify');
      }
      return;
    }
    if (!service.namespace) causes.required('spec.service.namespace');
    if (!service.name) causes.required('spec.service.name');
    if (insecureSkipTLSVerify && caBundle) causes.invalid('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present');
  },
  columns: [
    nameColumn,
    column('Service', ({ spec }) => (spec?.service ? `${spec.service.namespace}/${spec.service.name}` : 'Local')),
    column('Available', availableText),
    ageColumn,
  ],
});

function availableText(o: ApiService): string {
  const condition = o.status?.conditions?.find((c) => c.type === 'Available');
  if (!condition) return 'Unknown';
  return condition.status === 'True' ? 'True' : `${condition.status} (${condition.reason ?? ''})`;
}
