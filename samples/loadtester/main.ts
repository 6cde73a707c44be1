/** Serves the load tester, with the flags of flagger-loadtester. */
import { parseArgs } from 'node:util';
import { serve } from '../lib/server.ts';
import { durationMs } from './duration.ts';
import { createTasks, type Log } from './tasks.ts';
import { createTester } from './tester.ts';

const { values } = parseArgs({
  strict: false,
  allowPositionals: true,
  options: {
    port: { type: 'string', default: '8080' },
    /** Where it listens: in a pod everywhere. */
    address: { type: 'string', default: '0.0.0.0' },
    timeout: { type: 'string', default: '1h' },
    'namespace-regexp': { type: 'string', default: '' },
  },
  args: process.argv.slice(2).map((a) => a.replace(/^-(?=\w\w)/, '--')),
});

const log: Log = (level, msg, fields) =>
  void process.stdout.write(`${JSON.stringify({ level, ts: new Date().toISOString(), msg, ...fields })}\n`);

const tasks = createTasks(durationMs(String(values.timeout)) ?? 3_600_000, log);
process.on('exit', () => tasks.close());
serve(Number(values.port), createTester(tasks, new RegExp(String(values['namespace-regexp'])), log), String(values.address));
