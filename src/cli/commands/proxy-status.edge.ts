import { proxyStatuses, type ProxyStatus } from '../../app/index.ts';
import { Fault } from '../../base/index.ts';
import type { Command } from '../context.ts';
import { EXIT } from '../exit.ts';
import { show, table } from '../output.ts';

export const proxyStatusCommand: Command = {
  name: 'proxy-status',
  alias: 'ps',
  summary: 'show how far each proxy has taken what it is to hold, and what it refuses',
  args: '[pod]',
  flags: [{ usage: '-n, --namespace <namespace>', help: 'tell of this namespace only' }],
  notes:
    'SYNCED: it has all that was sent. STALE: it has not answered yet. REJECTED: it refuses some of it and keeps what it had.\n' +
    'It ends with 1 when a proxy refuses something.',
  async run(context, flags, [said]) {
    const all = await proxyStatuses(context.paths);
    const found = all.filter(
      ({ proxy }) =>
        (said === undefined || proxy === said || proxy.startsWith(`${said}.`)) &&
        (flags.namespace === undefined || proxy.endsWith(`.${String(flags.namespace)}`)),
    );
    if (said !== undefined && !found.length)
      throw new Fault('ProxyUnknown', `no proxy "${said}" is connected`, {
        hint: all.length ? `There are: ${all.map((p) => p.proxy).join(', ')}.` : 'No pod has a proxy.',
      });
    show(context, found, () => `${table([HEAD, ...found.map(row)])}${found.flatMap(refusals).join('')}`);
    return found.some((p) => p.rejected?.length) ? EXIT.failed : EXIT.done;
  },
};

const TYPES = { CDS: 'cluster', LDS: 'listener', EDS: 'endpoint', RDS: 'route' } as const;
const REFUSED: Readonly<Record<keyof typeof TYPES, RegExp>> = {
  CDS: /\.Cluster$/,
  LDS: /\.Listener$/,
  EDS: /\.ClusterLoadAssignment$/,
  RDS: /\.(RouteConfiguration|VirtualHost)$/,
};
const HEAD = ['NAME', 'CLUSTER', ...Object.keys(TYPES), 'ISTIOD', 'VERSION'];

function row(p: ProxyStatus): string[] {
  const how = Object.entries(TYPES).map(([column, type]) => {
    if (p.rejected?.some((r) => REFUSED[column as keyof typeof TYPES].test(r.typeUrl))) return 'REJECTED';
    const sent = p[`${type}_sent`];
    return sent === undefined ? 'NOT SENT' : sent === p[`${type}_acked`] ? 'SYNCED' : 'STALE';
  });
  return [p.proxy, p.cluster_id, ...how, 'istiod', p.proxy_version];
}

function refusals(p: ProxyStatus): string[] {
  return (p.rejected ?? []).map((r) => `${p.proxy} refuses ${r.typeUrl.slice(r.typeUrl.lastIndexOf('.') + 1)} ${r.name}: ${r.message}\n`);
}
