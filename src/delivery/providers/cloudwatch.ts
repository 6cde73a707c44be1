/** CloudWatch's GetMetricData (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html), by its JSON protocol. */
import { AwsV4Signer } from 'aws4fetch';
import { Fault } from '../../base/index.ts';
import { quote } from '../quote.ts';
import { address, asArray, askJson, asNumber, asObject, LOOK_BACK, present, type Provider, type Question, type Tools } from './provider.ts';

/** The points an answer has at most; the first is the newest. */
const MAX_POINTS = 20;

export const cloudwatch: Provider = async (question, tools) => {
  const { region } = question.spec;
  if (!region) throw new Fault('NoRegion', 'region not specified: write it into spec.provider.region, such as eu-west-1');
  const end = Math.floor(question.now / 1000);
  const body = JSON.stringify({
    StartTime: end - Math.round((LOOK_BACK * question.windowMs) / 1000),
    EndTime: end,
    MaxDatapoints: MAX_POINTS,
    MetricDataQueries: queriesIn(question.query),
  });
  const url = address(question, '/', `https://monitoring.${region}.amazonaws.com`).href;
  const signed = await new AwsV4Signer({
    ...keys(question, tools),
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'GraniteServiceVersion20100801.GetMetricData' },
    body,
    service: 'monitoring',
    region,
    datetime: new Date(question.now).toISOString().replace(/[:-]|\.\d{3}/g, ''),
  }).sign();
  const answer = asObject(await askJson(question, tools, { method: 'POST', url, headers: Object.fromEntries(signed.headers), body }));
  const [first] = asArray(answer['MetricDataResults']).map(asObject);
  const status = first?.['StatusCode'];
  if (status === 'InternalError' || status === 'Forbidden')
    throw new Fault('Refused', `the metric cannot be read: ${status} ${quote(JSON.stringify(first?.['Messages'] ?? []))}`);
  return [asNumber(asArray(first?.['Values'])[0])].filter(present);
};

function queriesIn(query: string): readonly unknown[] {
  try {
    const queries: unknown = JSON.parse(query);
    if (Array.isArray(queries)) return queries.map(named);
  } catch {
    // Said below, as for JSON that is something else.
  }
  throw new Fault(
    'BadQuery',
    'the query is not a JSON array of MetricDataQuery: write [{"id": ..., "metricStat": ...}] with the fields of GetMetricData',
  );
}

const FIELDS =
  'AccountId Dimensions Expression Id Label Metric MetricName MetricStat Name Namespace Period ReturnData Stat Unit Value'.split(' ');
const FIELD_NAMED: ReadonlyMap<string, string> = new Map(FIELDS.map((f) => [f.toLowerCase(), f]));

/** Fields under the API's own names: templates write them in any case, mostly `metricStat`. */
function named(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(named);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([field, v]) => [FIELD_NAMED.get(field.toLowerCase()) ?? field, named(v)]));
}

/** From the Secret of the template, else from the environment, as the AWS tools have them. */
function keys({ secret }: Question, { env }: Tools): { accessKeyId: string; secretAccessKey: string; sessionToken?: string } {
  const of = (name: string): string | undefined => (secret ? secret.data[name] : env[name.toUpperCase()]);
  const accessKeyId = of('aws_access_key_id');
  const secretAccessKey = of('aws_secret_access_key');
  const sessionToken = of('aws_session_token');
  if (!accessKeyId || !secretAccessKey)
    throw new Fault(
      'NoCredentials',
      `cloudwatch credentials are missing: name a Secret with aws_access_key_id and aws_secret_access_key in spec.provider.secretRef`,
    );
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}
