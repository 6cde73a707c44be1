import { cloudwatch } from './cloudwatch.ts';
import { datadog } from './datadog.ts';
import { dynatrace } from './dynatrace.ts';
import { externalmetrics } from './externalmetrics.ts';
import { graphite } from './graphite.ts';
import { influxdb } from './influxdb.ts';
import { keptn } from './keptn.ts';
import { newrelic } from './newrelic.ts';
import { prometheus } from './prometheus.ts';
import type { Provider } from './provider.ts';
import { splunk } from './splunk.ts';
import { stackdriver } from './stackdriver.ts';

/** By `spec.provider.type` of a MetricTemplate. */
export const PROVIDERS: Readonly<Record<string, Provider>> = {
  cloudwatch,
  datadog,
  dynatrace,
  externalmetrics,
  graphite,
  influxdb,
  keptn,
  newrelic,
  prometheus,
  splunk,
  stackdriver,
};
