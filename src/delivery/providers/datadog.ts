/** Datadog's metrics query (https://docs.datadoghq.com/api/latest/metrics/#query-timeseries-points). */
import { Fault } from '../../base/index.ts';
import { quote } from '../quote.ts';
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

export const datadog: Provider = async (question, tools) => {
  const to = Math.floor(question.now / 1000);
  const from = to - Math.round((LOOK_BACK * question.windowMs) / 1000);
  const url = withQuery(address(question, '/api/v1/query', 'https://api.datadoghq.com'), { query: oneLine(question.query), from, to });
  const headers = {
    'dd-api-key': credential(question, 'datadog_api_key'),
    'dd-application-key': credential(question, 'datadog_application_key'),
  };
  const answer = asObject(await askJson(question, tools, { url, headers }));
  if (answer['status'] === 'error') throw new Fault('Refused', `the query is refused: ${quote(String(answer['error']))}`);
  // The oldest point: the newest is of a bucket that is still being filled.
  return asArray(answer['series'])
    .map((series) =>
      asArray(asObject(series)['pointlist'])
        .map((point) => asNumber(asArray(point)[1]))
        .find(present),
    )
    .filter(present);
};
