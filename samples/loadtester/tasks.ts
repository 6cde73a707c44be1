/** Runs what webhooks ask for: commands in the background, or checks that the answer waits for. */
import { spawn } from 'node:child_process';

export interface Task {
  /** `name.namespace` of the canary, so that a command under way is not started again by its next call. */
  readonly canary: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Tasks {
  run(task: Task): Promise<Answer>;
  /** Commands that have been started since the beginning. */
  readonly started: number;
  /** Ends all that still run. */
  close(): void;
}

export type Log = (level: 'info' | 'error', msg: string, fields: Readonly<Record<string, unknown>>) => void;

/** Of a command's output. */
const MAX_OUTPUT = 64 * 1024;
const TYPES = ['cmd', 'bash', 'helm', 'helmv3', 'kubectl'];

interface Outcome {
  readonly code: number;
  readonly output: string;
}

export function createTasks(timeoutMs: number, log: Log): Tasks {
  /** Background commands under way. */
  const underWay = new Set<string>();
  const groups = new Set<number>();
  let started = 0;

  /** In a process group of its own: what the command has started ends with it. */
  function execute(file: string, args: readonly string[]): Promise<Outcome> {
    started++;
    return new Promise((resolve) => {
      const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
      const { pid } = child;
      if (pid) groups.add(pid);
      let output = '';
      const take = (chunk: Buffer): void => {
        if (output.length < MAX_OUTPUT) output += chunk.toString('utf8');
      };
      child.stdout.on('data', take);
      child.stderr.on('data', take);
      const timer = setTimeout(() => {
        output += `\nended after ${timeoutMs / 1000} s`;
        end(pid);
      }, timeoutMs);
      const over = (outcome: Outcome): void => {
        clearTimeout(timer);
        if (pid) groups.delete(pid);
        resolve(outcome);
      };
      child.on('error', (error) => over({ code: 127, output: error.message }));
      child.on('close', (code) => over({ code: code ?? 1, output }));
    });
  }

  function end(pid: number | undefined): void {
    try {
      if (pid) process.kill(-pid, 'SIGTERM');
    } catch {
      // It has ended by itself.
    }
  }

  function background(canary: string, command: string, logsOutput: boolean): Answer {
    const key = `${canary} ${command}`;
    if (!underWay.has(key)) {
      underWay.add(key);
      log('info', 'command started', { canary, command });
      void execute('sh', ['-c', command]).then(({ code, output }) => {
        underWay.delete(key);
        const fields = { canary, command, ...(logsOutput || code !== 0 ? { output } : {}) };
        log(code === 0 ? 'info' : 'error', `command finished with status ${code}`, fields);
      });
    }
    return { status: 202, body: '' };
  }

  return {
    get started() {
      return started;
    },
    async run({ canary, metadata }) {
      if (Object.keys(metadata).length === 0) return { status: 400, body: 'metadata not found in payload' };
      const { type = 'cmd', cmd: command } = metadata;
      if (!TYPES.includes(type)) return { status: 400, body: `unknown task type ${type}: use one of ${TYPES.join(', ')}` };
      if (!command) return { status: 400, body: 'cmd not found in metadata' };
      if (type === 'cmd') return background(canary, command, metadata.logCmdOutput === 'true');
      // helm and kubectl get no shell: a canary's author names their arguments, and nothing else.
      const [file, args] =
        type === 'bash' ? ['bash', ['-c', command]] : [type === 'kubectl' ? 'kubectl' : 'helm', command.split(/\s+/).filter(Boolean)];
      const { code, output } = await execute(file, args);
      log(code === 0 ? 'info' : 'error', `command finished with status ${code}`, { canary, command, output });
      if (code !== 0) return { status: 500, body: `command ${command} failed: ${output}` };
      return { status: 200, body: metadata.returnCmdOutput === 'true' ? output : 'OK' };
    },
    close() {
      for (const pid of groups) end(pid);
    },
  };
}
