/** Kubernetes' external metrics API: `<namespace>/<metric>?labelSelector=<selector>`. */
import { isApiError, type Resource } from '../../api/index.ts';
import { Fault, parseQuantity } from '../../base/index.ts';
import { address, asArray, askJson, asObject, present, withQuery, type Provider, type Question, type Tools } from './provider.ts';

const GROUP = 'external.metrics.k8s.io';
const VERSION = 'v1beta1';

export const externalmetrics: Provider = async (question, tools) => {
  const items = question.spec.address ? await fromAddress(question, tools) : await fromCluster(question, tools);
  return items
    .map((item) => parseQuantity(String(asObject(item)['value'])))
    .slice(0, 1)
    .filter(present);
};

interface Asked {
  readonly namespace: string;
  readonly metric: string;
  readonly labelSelector: string;
}

function askedBy(query: string): Asked {
  const [path = '', ...rest] = query.trim().split('?');
  const parts = path.split('/');
  const metric = parts.pop() ?? '';
  const [namespace = ''] = parts;
  if (parts.length > 1 || !metric)
    throw new Fault('BadQuery', `malformed query ${query.trim()}: write <namespace>/<metric>?labelSelector=<selector>`);
  const labelSelector = new URLSearchParams(rest.join('?')).get('labelSelector') ?? '';
  return { namespace: namespace || 'default', metric, labelSelector };
}

async function fromAddress(question: Question, tools: Tools): Promise<readonly unknown[]> {
  const { namespace, metric, labelSelector } = askedBy(question.query);
  const path = address(question, `/apis/${GROUP}/${VERSION}/namespaces/${encodeURIComponent(namespace)}/${encodeURIComponent(metric)}`);
  const url = withQuery(path, labelSelector ? { labelSelector } : {});
  const token = question.secret?.data['token'];
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  return asArray(asObject(await askJson(question, tools, { url, headers }))['items']);
}

async function fromCluster({ query }: Question, { client }: Tools): Promise<readonly unknown[]> {
  const { namespace, metric, labelSelector } = askedBy(query);
  // In this API the names of metrics stand where those of kinds do.
  const resource: Resource = { group: GROUP, version: VERSION, kind: 'ExternalMetricValue', plural: metric, namespaced: true };
  try {
    return (await client.list(resource, { namespace, ...(labelSelector ? { labelSelector } : {}) })).items;
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    const hint = 'install an adapter that does, or give the URL of an API server in spec.provider.address';
    throw new Fault('NoAdapter', `no metric ${metric} of ${GROUP} in namespace ${namespace}: ${hint}`, { cause: error });
  }
}
