/** Dynatrace's Metrics API v2 (https://docs.dynatrace.com/docs/dynatrace-api/environment-api/metric-v2/get-data-points): one point for all the time. */
import {
  address,
  asArray,
  askJson,
  asNumber,
  asObject,
  credential,
  LOOK_BACK,
  oneLine,
  present,
  withQuery,
  type Provider,
} from './provider.ts';

export const dynatrace: Provider = async (question, tools) => {
  const to = Math.floor(question.now);
  const from = to - LOOK_BACK * question.windowMs;
  const parameters = { metricSelector: oneLine(question.query), resolution: 'Inf', from, to };
  const url = withQuery(address(question, '/api/v2/metrics/query'), parameters);
  const headers = { authorization: `Api-Token ${credential(question, 'dynatrace_token')}` };
  const [metric] = asArray(asObject(await askJson(question, tools, { url, headers }))['result']);
  return asArray(asObject(metric)['data'])
    .map((series) => asNumber(asArray(asObject(series)['values'])[0]))
    .filter(present);
};
