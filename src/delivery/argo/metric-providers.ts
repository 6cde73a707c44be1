/** What each provider of an AnalysisTemplate is as one of a MetricTemplate. Pure. */
import { fields, items, text, type Fields } from './source.ts';

interface Provider {
  readonly type: string;
  readonly address?: string;
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  readonly secretRef?: { readonly name: string };
  readonly insecureSkipVerify?: boolean;
}

/** Or why there is none. */
type Made = { readonly provider: Provider; readonly query: string; readonly notes?: readonly string[] } | { readonly why: string };

const secret = (name: string, keys: string): string =>
  `the Secret ${name} is to have the keys ${keys}, in the namespace of the MetricTemplate`;

function prometheus(config: Fields): Made {
  const address = text(config['address']);
  const { basicAuth, oauth2, sigv4 } = fields(config['authentication']);
  const headers = items(config['headers']).map(fields);
  const notes: string[] = [];
  if (!address) notes.push('no address is given (Argo takes it from its environment): write it into spec.provider.address');
  if (fields(oauth2)['clientId'] || fields(oauth2)['tokenUrl'])
    notes.push('oauth2 is left out: give a token in a Secret (spec.provider.secretRef, key token)');
  if (fields(sigv4)['region']) notes.push('sigv4 is left out: ask by a proxy that signs');
  if (Object.keys(fields(basicAuth)).length > 0)
    notes.push('basicAuth is left out: give a Secret with the keys username and password in spec.provider.secretRef');
  if (config['rangeQuery'] !== undefined)
    notes.push('rangeQuery is left out: a MetricTemplate asks for one moment; let the query look back, e.g. by max_over_time');
  return {
    provider: {
      type: 'prometheus',
      ...(address ? { address } : {}),
      ...(headers.length > 0 ? { headers: Object.fromEntries(headers.map((h) => [String(h['key']), [String(h['value'])]])) } : {}),
      ...(config['insecure'] === true ? { insecureSkipVerify: true } : {}),
    },
    query: text(config['query']) ?? '',
    notes,
  };
}

function datadog(config: Fields): Made {
  const queries = fields(config['queries']);
  const names = Object.keys(queries);
  const query = text(config['query']) ?? (names.length === 1 && !config['formula'] ? text(queries[names[0]!]) : undefined);
  if (!query)
    return {
      why: 'several queries and a formula have no equivalent: write them as one query, and add it as a MetricTemplate of type datadog',
    };
  const name = text(fields(config['secretRef'])['name']) ?? 'datadog';
  return {
    provider: { type: 'datadog', secretRef: { name } },
    query,
    notes: [secret(name, 'datadog_api_key and datadog_application_key (here they are api-key and app-key)')],
  };
}

function newRelic(config: Fields): Made {
  const name = text(config['profile']) ?? 'newrelic';
  const given = text(config['query']) ?? '';
  const query = given.replace(/\s+(SINCE|UNTIL)\s.*$/is, '');
  const cut = query === given ? [] : ['SINCE is left out: the interval of the metric is put in its place'];
  return {
    provider: { type: 'newrelic', secretRef: { name } },
    query,
    notes: [secret(name, 'newrelic_account_id and newrelic_query_key'), ...cut],
  };
}

function cloudWatch(config: Fields): Made {
  return {
    provider: { type: 'cloudwatch' },
    query: JSON.stringify(config['metricDataQueries'] ?? []),
    notes: [
      'no region is given (Argo takes it from its environment): write it into spec.provider.region; the look back is ten intervals of the metric',
    ],
  };
}

function graphite(config: Fields): Made {
  const address = text(config['address']);
  return {
    provider: { type: 'graphite', ...(address ? { address } : {}) },
    query: `target=${text(config['query']) ?? ''}&from=-5min`,
    notes: ['the query gets from=-5min: correct how far it looks back'],
  };
}

function influxdb(config: Fields): Made {
  const name = text(config['profile']) ?? 'influxdb';
  return {
    provider: { type: 'influxdb', secretRef: { name } },
    query: text(config['query']) ?? '',
    notes: [`${secret(name, 'token and org')}; write its address into spec.provider.address`],
  };
}

const none = (why: string) => (): Made => ({ why });

/** By the word in `provider`. */
export const PROVIDERS: Readonly<Record<string, (config: Fields) => Made>> = {
  prometheus,
  datadog,
  newRelic,
  cloudWatch,
  graphite,
  influxdb,
  web: none(
    'left out: what a URL answers is asked by a webhook of type rollout (POST; 200 to 202 pass). Put the comparison behind such a URL, or into a cmd of the load tester: curl -sf URL | jq -e CONDITION',
  ),
  job: none(
    'left out: what a Job tests is done by a webhook of type pre-rollout or rollout that calls the load tester (metadata: type bash, cmd: ...), in whose image the tools are to be',
  ),
  wavefront: none('left out: there is no provider wavefront; ask it by a Prometheus that reads from it'),
  kayenta: none(
    'left out: what Kayenta compares, the judge does for requests (analysis.judge), at each moment and without a configuration',
  ),
  skywalking: none('left out: there is no provider skywalking; ask it by PromQL (its address takes that) as type prometheus'),
  plugin: none(
    'left out: plugins of Argo do not run here; ask the same by one of the types of MetricTemplate, or by a webhook of type rollout',
  ),
};
