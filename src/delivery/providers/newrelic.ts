/** New Relic's Insights query API: NRQL, of which the time range is ours to add. */
import { Fault } from '../../base/index.ts';
import { address, asArray, askJson, asNumber, asObject, credential, oneLine, present, withQuery, type Provider } from './provider.ts';

export const newrelic: Provider = async (question, tools) => {
  const account = encodeURIComponent(credential(question, 'newrelic_account_id'));
  const nrql = `${oneLine(question.query)} SINCE ${Math.round(question.windowMs / 1000)} seconds ago`;
  const url = withQuery(address(question, `/v1/accounts/${account}/query`, 'https://insights-api.newrelic.com'), { nrql });
  const headers = { 'x-query-key': credential(question, 'newrelic_query_key') };
  const results = asArray(asObject(await askJson(question, tools, { url, headers }))['results']);
  if (results.length > 1) throw new Fault('SeveralValues', `the query returns ${results.length} values: select one`);
  return numbersIn(results[0]);
};

/** `{"result": 99.5}`; other functions name it after themselves, and percentiles come as `{"percentiles": {"99": 1.2}}`. */
function numbersIn(result: unknown): readonly number[] {
  const fields = asObject(result);
  if ('result' in fields) return [asNumber(fields['result'])].filter(present);
  return Object.values(fields).flatMap((value) => (typeof value === 'object' ? numbersIn(value) : [asNumber(value)].filter(present)));
}
