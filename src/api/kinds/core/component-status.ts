import type { ComponentStatus } from 'kubernetes-types/core/v1.js';
import type { Resource } from '../../object.ts';
import { column, nameColumn } from '../columns.ts';
import { define } from '../define.ts';

const ComponentStatuses: Resource<ComponentStatus> = {
  group: '',
  version: 'v1',
  kind: 'ComponentStatus',
  plural: 'componentstatuses',
  namespaced: false,
};

const healthOf = (o: ComponentStatus) => o.conditions?.find((c) => c.type === 'Healthy');

export const componentStatuses = define<ComponentStatus>({
  resource: ComponentStatuses,
  shortNames: ['cs'],
  schema: 'k8s.io.api.core.v1.ComponentStatus',
  warning: 'v1 ComponentStatus is deprecated in v1.19+',
  verbs: ['get', 'list'],
  columns: [
    nameColumn,
    column('Status', (o) => (healthOf(o) ? (healthOf(o)!.status === 'True' ? 'Healthy' : 'Unhealthy') : 'Unknown')),
    column('Message', (o) => healthOf(o)?.message ?? ''),
    column('Error', (o) => healthOf(o)?.error ?? ''),
  ],
});
