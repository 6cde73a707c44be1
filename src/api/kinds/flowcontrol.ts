import type { FlowSchema, PriorityLevelConfiguration } from 'kubernetes-types/flowcontrol/v1.js';
import type { Resource } from '../object.ts';
import { dnsSubdomain, follow } from './check.ts';
import { ageColumn, column, nameColumn } from './columns.ts';
import { define } from './define.ts';
import { oldFlowSchemas, oldPriorityLevels } from './legacy/others.ts';

const group = 'flowcontrol.apiserver.k8s.io';
const Flows: Resource<FlowSchema> = { group, version: 'v1', kind: 'FlowSchema', plural: 'flowschemas', namespaced: false };
const Levels: Resource<PriorityLevelConfiguration> = {
  group,
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  plural: 'prioritylevelconfigurations',
  namespaced: false,
};

const LOWEST_PRECEDENCE = 10_000;

export const flowSchemas = define<FlowSchema>({
  resource: Flows,
  schema: 'k8s.io.api.flowcontrol.v1.FlowSchema',
  status: true,
  default(o) {
    if (o.spec) o.spec.matchingPrecedence ||= 1000;
    (o as { status?: object }).status ??= {};
  },
  check(causes, o) {
    const {
      matchingPrecedence: rank,
      priorityLevelConfiguration: level,
      distinguisherMethod: method,
    } = o.spec ?? ({} as Partial<FlowSchema['spec'] & object>);
    if (rank !== undefined && rank <= 0) causes.invalid('spec.matchingPrecedence', rank, 'must be a positive value');
    if (rank !== undefined && rank > LOWEST_PRECEDENCE) {
      causes.invalid('spec.matchingPrecedence', rank, `must not be greater than ${LOWEST_PRECEDENCE}`);
    }
    if (rank === 1 && o.metadata?.name !== 'exempt') {
      causes.invalid('spec.matchingPrecedence', rank, "only the schema named 'exempt' may have matchingPrecedence 1");
    }
    const methods = ['ByNamespace', 'ByUser'];
    if (method && !methods.includes(method.type)) causes.unsupported('spec.distinguisherMethod.type', { Type: method.type }, methods);
    if (level?.name) follow(causes, 'spec.priorityLevelConfiguration.name', level.name, dnsSubdomain);
    else causes.required('spec.priorityLevelConfiguration.name', 'must reference a priority level');
  },
  columns: [
    nameColumn,
    column('PriorityLevel', (o) => o.spec?.priorityLevelConfiguration?.name ?? ''),
    column('MatchingPrecedence', (o) => o.spec?.matchingPrecedence ?? 0),
    column('DistinguisherMethod', (o) => o.spec?.distinguisherMethod?.type ?? '<none>'),
    ageColumn,
    column('MissingPL', (o) => o.status?.conditions?.find((c) => c.type === 'Dangling')?.status ?? '?'),
  ],
  legacy: oldFlowSchemas,
});

export const priorityLevelConfigurations = define<PriorityLevelConfiguration>({
  resource: Levels,
  schema: 'k8s.io.api.flowcontrol.v1.PriorityLevelConfiguration',
  status: true,
  default(o) {
    const { limited, exempt } = o.spec ?? {};
    if (limited) {
      limited.nominalConcurrencyShares ??= 30;
      limited.lendablePercent ??= 0;
      const queuing = limited.limitResponse?.queuing;
      if (queuing) {
        queuing.handSize ||= 8;
        queuing.queues ||= 64;
        queuing.queueLengthLimit ||= 50;
      }
    }
    if (exempt) {
      exempt.nominalConcurrencyShares ??= 0;
      exempt.lendablePercent ??= 0;
    }
    (o as { status?: object }).status ??= {};
  },
  check(causes, o) {
    const { type, limited, exempt } = o.spec ?? ({} as Partial<NonNullable<PriorityLevelConfiguration['spec']>>);
    if ((o.metadata?.name === 'exempt') !== (type === 'Exempt')) {
      causes.invalid('spec.type', type ?? '', "must be 'Exempt' if and only if `name` is 'exempt'");
    }
    if (type === 'Exempt') {
      if (limited) causes.forbidden('spec.limited', 'must be nil if the type is not Limited');
    } else if (type === 'Limited') {
      if (exempt) causes.forbidden('spec.exempt', 'must be nil if the type is Limited');
      if (!limited) return causes.required('spec.limited', 'must not be empty when type is Limited');
      const response = limited.limitResponse;
      causes.oneOf('spec.limited.limitResponse.type', response?.type ?? '', ['Queue', 'Reject']);
      if (response?.type === 'Queue' && !response.queuing) {
        causes.required('spec.limited.limitResponse.queuing', 'must not be empty if limited.limitResponse.type is Limited');
      }
      if (response?.type === 'Reject' && response.queuing) {
        causes.forbidden('spec.limited.limitResponse.queuing', 'must be nil if limited.limitResponse.type is not Limited');
      }
      if ((limited.nominalConcurrencyShares ?? 0) < 0) {
        causes.invalid('spec.limited.nominalConcurrencyShares', limited.nominalConcurrencyShares, 'must be a non-negative integer');
      }
    } else causes.unsupported('spec.type', type ?? '', ['Exempt', 'Limited']);
  },
  columns: [
    nameColumn,
    column('Type', (o) => o.spec?.type ?? ''),
    column('NominalConcurrencyShares', (o) => o.spec?.limited?.nominalConcurrencyShares ?? '<none>'),
    column('Queues', (o) => o.spec?.limited?.limitResponse?.queuing?.queues ?? '<none>'),
    column('HandSize', (o) => o.spec?.limited?.limitResponse?.queuing?.handSize ?? '<none>'),
    column('QueueLengthLimit', (o) => o.spec?.limited?.limitResponse?.queuing?.queueLengthLimit ?? '<none>'),
    ageColumn,
  ],
  legacy: oldPriorityLevels,
});
