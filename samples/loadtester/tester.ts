/** The load tester that canaries call: the paths of flagger-loadtester. */
import type { ServerResponse } from 'node:http';
import { text, type Request } from '../lib/server.ts';
import type { Log, Tasks } from './tasks.ts';

interface Payload {
  readonly name?: string;
  readonly namespace?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

function payloadOf(raw: string): Payload | undefined {
  try {
    const value: unknown = JSON.parse(raw);
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** `allowed`: namespaces whose canaries are served. */
export function createTester(tasks: Tasks, allowed: RegExp, log: Log): (request: Request, response: ServerResponse) => Promise<void> {
  /** Gates that were opened; what is not here is closed. */
  const open = new Set<string>();

  return async (request, response) => {
    const path = request.url.pathname;
    switch (path) {
      case '/healthz':
        return text(response, 200, 'OK');
      case '/metrics':
        return text(response, 200, `# TYPE loadtester_commands_total counter\nloadtester_commands_total ${tasks.started}\n`);
      case '/gate/approve':
        return text(response, 200, 'OK');
      case '/gate/halt':
        return text(response, 403, 'Forbidden');
    }
    const gate = /^\/(gate|rollback)\/(check|open|close)$/.exec(path);
    if (!gate && path !== '/') return text(response, 404, '404 page not found');
    const payload = payloadOf((await request.body()).toString('utf8'));
    if (!payload) return text(response, 400, 'the request body is not a JSON object');
    const { name = '', namespace = '', metadata = {} } = payload;
    if (!allowed.test(namespace)) return text(response, 403, `namespace ${namespace} is not served here`);
    if (!gate) {
      const { status, body } = await tasks.run({ canary: `${name}.${namespace}`, metadata });
      return text(response, status, body);
    }
    const [, kind, verb] = gate;
    const key = `${kind === 'rollback' ? 'rollback.' : ''}${name}.${namespace}`;
    if (verb === 'check') return open.has(key) ? text(response, 200, 'Approved') : text(response, 403, 'Forbidden');
    if (verb === 'open') open.add(key);
    else open.delete(key);
    log('info', `${key} gate ${verb === 'open' ? 'opened' : 'closed'}`, {});
    return void response.writeHead(202).end();
  };
}
