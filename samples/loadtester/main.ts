/** The load tester that canaries call: runs a webhook's command, and keeps the gates of manual approval. */
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { serve, text } from '../lib/server.ts';

const { values } = parseArgs({
  strict: false,
  allowPositionals: true,
  args: process.argv.slice(2).map((a) => a.replace(/^-(?=\w\w)/, '--')),
});
const port = Number(values.port ?? 8080);
const TIMEOUT_MS = 3_600_000;
const MAX_OUTPUT = 64 * 1024;

interface Payload {
  name?: string;
  namespace?: string;
  phase?: string;
  metadata?: Record<string, string>;
}

const log = (msg: string, fields: Record<string, unknown> = {}): void =>
  void process.stdout.write(`${JSON.stringify({ level: 'info', ts: new Date().toISOString(), msg, ...fields })}\n`);

/** Gates that were opened; what is not here is closed. */
const open = new Set<string>();
/** Commands that run, so that the same one is not started twice. */
const running = new Set<string>();
let executed = 0;

interface Outcome {
  code: number;
  output: string;
}

function shell(file: string, args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS });
    let output = '';
    const take = (chunk: Buffer): void => {
      if (output.length < MAX_OUTPUT) output += chunk.toString('utf8');
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (error) => resolve({ code: 127, output: error.message }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

function payloadOf(raw: string): Payload | undefined {
  try {
    const value: unknown = JSON.parse(raw);
    return value !== null && typeof value === 'object' ? value : undefined;
  } catch {
    return undefined;
  }
}

serve(port, async (request, response) => {
  const path = request.url.pathname;
  if (path === '/healthz') return text(response, 200, 'OK');
  if (path === '/metrics') return text(response, 200, `# TYPE loadtester_commands_total counter\nloadtester_commands_total ${executed}\n`);
  if (path === '/gate/approve') return text(response, 200, 'OK');
  if (path === '/gate/halt') return text(response, 403, 'Forbidden');

  const payload = payloadOf((await request.body()).toString('utf8'));
  if (!payload) return text(response, 400, 'the request body is not a JSON object');

  const gate = /^\/(gate|rollback)\/(check|open|close)$/.exec(path);
  if (gate) {
    const key = `${gate[1] === 'rollback' ? 'rollback.' : ''}${payload.name}.${payload.namespace}`;
    if (gate[2] === 'check') return open.has(key) ? text(response, 200, 'Approved') : text(response, 403, 'Forbidden');
    if (gate[2] === 'open') open.add(key);
    else open.delete(key);
    log(`${key} gate ${gate[2] === 'open' ? 'opened' : 'closed'}`);
    return void response.writeHead(202).end();
  }

  const metadata = payload.metadata;
  if (!metadata || Object.keys(metadata).length === 0) return text(response, 400, 'metadata not found in payload');
  const type = metadata.type ?? 'cmd';
  const command = metadata.cmd ?? '';
  if (!command) return text(response, 400, 'cmd not found in metadata');
  const canary = `${payload.name}.${payload.namespace}`;
  switch (type) {
    case 'cmd': {
      const key = `${canary} ${command}`;
      if (!running.has(key)) {
        running.add(key);
        executed++;
        log('command started', { canary, command });
        void shell('sh', ['-c', command]).then(({ code, output }) => {
          running.delete(key);
          log(`command finished with status ${code}`, {
            canary,
            command,
            ...(metadata.logCmdOutput === 'true' || code !== 0 ? { output } : {}),
          });
        });
      }
      return void response.writeHead(202).end();
    }
    case 'bash':
    case 'helm':
    case 'helmv3':
    case 'kubectl': {
      executed++;
      const [file, args]: [string, string[]] =
        type === 'bash' ? ['bash', ['-c', command]] : [type === 'kubectl' ? 'kubectl' : 'helm', command.split(/\s+/).filter(Boolean)];
      const { code, output } = await shell(file, args);
      log(`command finished with status ${code}`, { canary, command });
      if (code !== 0) return text(response, 500, `command ${command} failed: ${output}`);
      return text(response, 200, metadata.returnCmdOutput === 'true' ? output : 'OK');
    }
    default:
      return text(response, 400, `unknown task type ${type}: use cmd, bash, helm or kubectl`);
  }
});
