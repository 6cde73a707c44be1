/** Keptn's metrics, which are objects of the cluster: `keptnmetric/<namespace>/<name>`. */
import type { Resource } from '../../api/index.ts';
import { Fault } from '../../base/index.ts';
import { asNumber, asObject, present, type Provider } from './provider.ts';

const KeptnMetrics: Resource = {
  group: 'metrics.keptn.sh',
  version: 'v1beta1',
  kind: 'KeptnMetric',
  plural: 'keptnmetrics',
  namespaced: true,
};

export const keptn: Provider = async ({ query }, { client }) => {
  const [kind = '', namespace = '', name = ''] = query.trim().toLowerCase().split('/');
  if (!['keptnmetric', 'keptnmetrics'].includes(kind) || !namespace || !name)
    throw new Fault('BadQuery', `unexpected query ${query.trim()}: write keptnmetric/<namespace>/<name>`);
  const metric = await client.get(KeptnMetrics, { namespace, name });
  if (!metric) throw new Fault('NoMetric', `KeptnMetric ${namespace}/${name} not found: create it, or correct the query`);
  return [asNumber(asObject(asObject(metric)['status'])['value'])].filter(present);
};
