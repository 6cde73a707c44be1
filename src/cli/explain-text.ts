/** An explanation as people read it. */
import type { Explained } from '../app/index.ts';
import { table } from './output.ts';

export function explainText({ explanation: e, fired }: Explained): string {
  const lines: string[] = [];
  const section = (title: string, rows: readonly (readonly string[])[]): void => {
    if (rows.length) lines.push(`\n${title}\n`, table(rows.map(([first = '', ...rest]) => [`  ${first}`, ...rest])));
  };
  const { request: r, client, route } = e;
  lines.push(
    `${r.method} ${r.scheme}://${r.authority}${r.path} from ${client.pod} (${client.proxy === 'none' ? 'no sidecar' : client.proxy})\n`,
  );
  for (const note of e.notes) lines.push(`! ${note}\n`);
  section(
    'Tried',
    e.steps.map((s) => [s.matched ? 'yes' : 'no', s.object, s.path, s.why]),
  );
  section('Route', [
    ['taken by', `listener ${e.listener}${route.from ? `, ${route.from}` : ''}`],
    ['does', route.says],
    ...(route.abort ? [['fault', `${route.abort.percent}% are answered ${route.abort.status} at once`]] : []),
    ...(route.delay ? [['fault', `${route.delay.percent}% wait ${route.delay.time}`]] : []),
    ...(route.does === 'forward' ? [['timeout', route.timeout ?? 'none']] : []),
    ...(route.retries ? [['retries', retryText(route.retries)]] : []),
    ...(route.rewrite ? [['rewrites', route.rewrite]] : []),
    ...(route.mirrors ? [['mirrors to', route.mirrors.join(', ')]] : []),
  ]);
  for (const t of e.targets) {
    section(`${Math.round(t.share)}% to ${t.cluster}`, [
      ...(t.destinationRule ? [['policy', `${t.destinationRule}: ${policyText(t.policy)}`]] : []),
      ...(t.problem ? [['problem', t.problem]] : []),
      ...t.endpoints.map((p) => [
        p.address,
        [
          p.pod,
          `sends ${p.sends}`,
          p.accepts && `takes ${p.accepts}`,
          p.authorization && `${p.authorization.allowed ? 'let in' : 'refused'}: ${p.authorization.why}`,
          !p.authorization && p.outcome.status && p.outcome.why,
        ]
          .filter(Boolean)
          .join(', '),
      ]),
    ]);
  }
  section(
    'To expect',
    e.expected.map((o) => [`${o.percent}%`, o.status === undefined ? o.why : `${o.status}: ${o.why}`]),
  );
  if (fired) {
    section('Sent', [
      ['answer', fired.error ?? `${fired.status} in ${((fired.seconds ?? 0) * 1000).toFixed(0)} ms`],
      ...fired.upstream.map((at) => ['reached', at]),
      ...fired.counted.map((c) => [
        c.reporter === 'source' ? 'client' : 'server',
        `${c.workload} ${c.status || 'no status'}${c.mtls === undefined ? '' : c.mtls ? ', mTLS' : ', plain text'}${c.count > 1 ? `, ${c.count} times` : ''}${c.says ? `, ${c.says}` : ''}`,
      ]),
    ]);
  }
  return lines.join('');
}

function retryText({ attempts, on, perTryTimeout }: NonNullable<Explained['explanation']['route']['retries']>): string {
  return `${attempts}, on ${on}${perTryTimeout ? `, each within ${perTryTimeout}` : ''}`;
}

function policyText(policy: object): string {
  return Object.keys(policy).length ? JSON.stringify(policy) : 'as if nothing were said';
}
