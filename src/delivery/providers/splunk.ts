/** Splunk Observability Cloud: a SignalFlow program, run over the past (https://dev.splunk.com/observability/reference/api/signalflow/latest). */
import { Fault } from '../../base/index.ts';
import { quote } from '../quote.ts';
import {
  address,
  asArray,
  ask,
  asNumber,
  asObject,
  credential,
  LOOK_BACK,
  present,
  withQuery,
  type Provider,
  type Question,
} from './provider.ts';

export const splunk: Provider = async (question, tools) => {
  const stop = Math.floor(question.now);
  const start = stop - LOOK_BACK * question.windowMs;
  const url = withQuery(streamOf(question), { start, stop, immediate: 'true' });
  const headers = { 'x-sf-token': credential(question, 'sf_token_key'), 'content-type': 'text/plain', accept: 'text/event-stream' };
  return valuesIn(await ask(question, tools, { method: 'POST', url, headers, body: question.query }));
};

/** Programs are run by the stream endpoint; templates give that of the API, `https://api.<realm>.signalfx.com`, or a WebSocket's. */
function streamOf(question: Question): URL {
  const { spec } = question;
  const given = spec.address?.replace(/^ws/, 'http').replace(/^(https?:\/\/)api\./, '$1stream.');
  return address({ ...question, spec: given ? { ...spec, address: given } : spec }, '/v2/signalflow/execute');
}

/** The newest value of each time series in a stream of server-sent events. */
function valuesIn(stream: string): readonly number[] {
  const newest = new Map<string, number>();
  for (const { event, data } of eventsOf(stream)) {
    const payload = asObject(data);
    if (event === 'error')
      throw new Fault('Refused', `the program is refused: ${quote(JSON.stringify(payload['errors'] ?? payload['message'] ?? payload))}`);
    if (event === 'control-message' && payload['event'] === 'CHANNEL_ABORT')
      throw new Fault('Refused', `the program was aborted: ${quote(JSON.stringify(payload['abortInfo'] ?? {}))}`);
    if (event !== 'data') continue;
    for (const point of asArray(payload['data']).map(asObject)) {
      const value = asNumber(point['value']);
      if (present(value)) newest.set(String(point['tsId']), value);
    }
  }
  if (newest.size > 1)
    throw new Fault('SeveralValues', `the program publishes ${newest.size} time series: aggregate them to one, with sum() or mean()`);
  return [...newest.values()];
}

function eventsOf(stream: string): { event: string; data: unknown }[] {
  return stream.split(/\r?\n\r?\n/).flatMap((block) => {
    const lines = block.split(/\r?\n/);
    const of = (field: string): string[] =>
      lines.filter((l) => l.startsWith(`${field}:`)).map((l) => l.slice(field.length + 1).trimStart());
    const [event] = of('event');
    const data = of('data').join('\n');
    if (!event || !data) return [];
    try {
      return [{ event, data: JSON.parse(data) as unknown }];
    } catch {
      throw new Fault('NotUnderstood', `the stream has an event that is not JSON: ${quote(data)}`);
    }
  });
}
