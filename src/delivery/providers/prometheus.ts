/** Prometheus' HTTP API (https://prometheus.io/docs/prometheus/latest/querying/api/): an instant query. */
import { Fault } from '../../base/index.ts';
import {
  address,
  asArray,
  askJson,
  asNumber,
  asObject,
  basic,
  credential,
  oneLine,
  present,
  withQuery,
  type Provider,
  type Question,
} from './provider.ts';

export const prometheus: Provider = async (question, tools) => {
  const url = withQuery(address(question, '/api/v1/query'), { query: oneLine(question.query) });
  const answer = asObject(await askJson(question, tools, { url, headers: { ...question.spec.headers, ...authorization(question) } }));
  const { resultType, result } = asObject(answer['data']);
  switch (resultType) {
    case 'vector':
      return asArray(result)
        .map((series) => asNumber(asArray(asObject(series)['value'])[1]))
        .filter(present);
    case 'scalar':
      return [asNumber(asArray(result)[1])].filter(present);
    default:
      throw new Fault('NotUnderstood', `the query returns a ${String(resultType)}: write one that returns an instant vector or a scalar`);
  }
};

function authorization(question: Question): Record<string, string> {
  const { secret } = question;
  if (!secret) return {};
  if (secret.data['token']) return { authorization: `Bearer ${secret.data['token']}` };
  return { authorization: basic(credential(question, 'username'), credential(question, 'password')) };
}
