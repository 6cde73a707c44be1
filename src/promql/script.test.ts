import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Fault } from '../base/index.ts';
import { matchesAll, query, queryRange, parsePromDuration, type Labels, type Queryable, type QueryResult, type Samples } from './index.ts';
import { formatLabels } from './labels.ts';

/*
 * Scripts in testdata/: `load <step>` and series follow, `clear` forgets them, `eval instant at <time> <query>` and
 * `eval range from <a> to <b> step <s> <query>` are followed by what is expected, `fail <part of the message>` among it.
 * Values: `1 2 _` (none) `stale` `0+10x3` (0 10 20 30) `5x2` (5 5 5). Results are in any order, unless `ordered` is among them.
 */

interface Loaded extends Samples {
  readonly times: number[];
  readonly values: number[];
  readonly ends: number[];
}

const ms = (text: string): number => parsePromDuration(text) ?? assert.fail(`bad duration ${text}`);

function parseSeries(line: string): { labels: Labels; rest: string } {
  const m = /^([a-zA-Z_:][\w:]*)?(\{.*?\})?\s+(.*)$/.exec(line) ?? assert.fail(`bad series: ${line}`);
  const labels: Record<string, string> = m[1] ? { __name__: m[1] } : {};
  for (const [, name, value] of (m[2] ?? '').matchAll(/([\w]+)="([^"]*)"/g)) labels[name!] = value!;
  return { labels, rest: m[3]! };
}

/** undefined is a gap. */
function parseValues(text: string): (number | 'stale' | undefined)[] {
  return text.split(/\s+/).flatMap((word): (number | 'stale' | undefined)[] => {
    const gaps = /^_(?:x(\d+))?$/.exec(word);
    if (gaps) return Array<undefined>(Number(gaps[1] ?? 1)).fill(undefined);
    if (word === 'stale') return ['stale'];
    const m = /^([+-]?(?:Inf|NaN|[\d.]+(?:e[+-]?\d+)?))(?:([+-][\d.]+)?x(\d+))?$/.exec(word) ?? assert.fail(`bad value: ${word}`);
    const first = Number(m[1]!.replace('Inf', 'Infinity'));
    return Array.from({ length: m[3] ? Number(m[3]) + 1 : 1 }, (_, i) => first + i * Number(m[2] ?? 0));
  });
}

class Store implements Queryable {
  readonly series: Loaded[] = [];

  load(step: number, line: string): void {
    const { labels, rest } = parseSeries(line);
    const s: Loaded = { labels, times: [], values: [], ends: [] };
    parseValues(rest).forEach((value, i) => {
      if (value === undefined) return;
      if (value === 'stale') return s.ends.push(i * step);
      s.times.push(i * step);
      return s.values.push(value);
    });
    this.series.push(s);
  }

  select: Queryable['select'] = (matchers) => this.series.filter((s) => matchesAll(matchers, s.labels));
}

function run(store: Store, command: string): QueryResult {
  const instant = /^eval instant at (\S+) (.*)$/.exec(command);
  if (instant) return query(store, instant[2]!, ms(instant[1]!));
  const range = /^eval range from (\S+) to (\S+) step (\S+) (.*)$/.exec(command) ?? assert.fail(`bad command: ${command}`);
  return queryRange(store, range[4]!, ms(range[1]!), ms(range[2]!), ms(range[3]!));
}

const round = (v: number): string => (Number.isFinite(v) ? String(Number(v.toPrecision(9))) : String(v));

function actualLines(command: string, result: QueryResult): string[] {
  switch (result.type) {
    case 'scalar':
      return [round(result.point.value)];
    case 'string':
      return [JSON.stringify(result.value)];
    case 'vector':
      return result.samples.map((s) => `${formatLabels(s.labels)} ${round(s.value)}`);
    case 'matrix': {
      const range = /from (\S+) to (\S+) step (\S+)/.exec(command);
      if (!range) return result.series.map((s) => `${formatLabels(s.labels)} ${s.points.map((p) => round(p.value)).join(' ')}`);
      const [from, to, step] = [ms(range[1]!), ms(range[2]!), ms(range[3]!)];
      return result.series.map((s) => {
        const at = new Map(s.points.map((p) => [p.time, round(p.value)]));
        const row = Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => at.get(from + i * step) ?? '_');
        return `${formatLabels(s.labels)} ${row.join(' ')}`;
      });
    }
  }
}

function expectedLine(line: string): string {
  if (/^("|[+-]?(\d|NaN|Inf))/.test(line)) return line.startsWith('"') ? line : round(Number(line.replace('Inf', 'Infinity')));
  const { labels, rest } = parseSeries(line);
  return `${formatLabels(labels)} ${parseValues(rest)
    .map((v) => (v === undefined ? '_' : round(v as number)))
    .join(' ')}`;
}

const dir = new URL('testdata/', import.meta.url);
const scripts = readdirSync(dir).filter((name) => name.endsWith('.test'));
assert.ok(scripts.length >= 6, 'the scripts are there');

for (const name of scripts) {
  test(name, async (t) => {
    const lines = readFileSync(new URL(name, dir), 'utf8').split('\n');
    let store = new Store();
    let evals = 0;
    for (let i = 0; i < lines.length; i++) {
      const command = lines[i]!.trim();
      if (command === '' || command.startsWith('#')) continue;
      const number = i + 1;
      const body: string[] = [];
      while (i + 1 < lines.length && /^\s+\S/.test(lines[i + 1]!)) body.push(lines[++i]!.trim());
      if (command === 'clear') store = new Store();
      else if (command.startsWith('load ')) for (const line of body) store.load(ms(command.slice(5)), line);
      else {
        evals++;
        const current = store;
        await t.test(`${name}:${number} ${command}`, () => {
          const failure = body.find((l) => l.startsWith('fail '))?.slice(5);
          if (failure !== undefined)
            return assert.throws(
              () => run(current, command),
              (e) => (e instanceof Fault && e.message.includes(failure) ? true : assert.fail(String(e))),
            );
          const actual = actualLines(command, run(current, command));
          const expected = body.filter((l) => l !== 'ordered').map(expectedLine);
          if (body.includes('ordered')) return assert.deepEqual(actual, expected);
          return assert.deepEqual(actual.sort(), expected.sort());
        });
      }
    }
    assert.ok(evals > 0);
  });
}
