/** InfluxDB 2's query API (https://docs.influxdata.com/influxdb/v2/api/#operation/PostQuery): Flux in, annotated CSV out. */
import { Fault } from '../../base/index.ts';
import { quote } from '../quote.ts';
import { address, ask, asNumber, credential, present, withQuery, type Provider } from './provider.ts';

export const influxdb: Provider = async (question, tools) => {
  const { secret } = question;
  const path = address(question, '/api/v2/query');
  const url = secret ? withQuery(path, { org: credential(question, 'org') }) : path.href;
  const headers = {
    accept: 'application/csv',
    'content-type': 'application/vnd.flux',
    ...(secret ? { authorization: `Token ${credential(question, 'token')}` } : {}),
  };
  return valuesIn(await ask(question, tools, { method: 'POST', url, headers, body: question.query }));
};

/** The `_value` of the first record of each table. */
function valuesIn(csv: string): readonly number[] {
  const values = new Map<string, number | undefined>();
  let header: readonly string[] | undefined;
  for (const row of rowsOf(csv)) {
    if (row.length < 2) header = undefined;
    else if (row[0]?.startsWith('#')) header = undefined;
    else if (!header) header = row;
    else {
      const at = (column: string): string => row[header!.indexOf(column)] ?? '';
      // A query that fails midway ends in a table of its errors.
      if (header.includes('error')) throw new Fault('Refused', `the query fails: ${quote(at('error'))}`);
      if (!header.includes('_value'))
        throw new Fault('BadQuery', 'the query returns no column _value: end it with an aggregate such as mean()');
      const table = `${at('result')} ${at('table')}`;
      if (!values.has(table)) values.set(table, asNumber(at('_value')));
    }
  }
  return [...values.values()].filter(present);
}

/** RFC 4180. */
function rowsOf(csv: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain = '', end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n|$)/g)) {
    row.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}
