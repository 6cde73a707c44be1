import { PROXY_TABLES, proxyBootstrap, proxyLog, proxyTable, type DumpRow } from '../../app/index.ts';
import { Fault } from '../../base/index.ts';
import type { Command, Flags } from '../context.ts';
import { EXIT } from '../exit.ts';
import { show, table } from '../output.ts';

const TYPES = [...PROXY_TABLES, 'bootstrap', 'log'] as const;
type Type = (typeof TYPES)[number];

/** Columns by flag: what is given must be what the column says, or the part before or after a colon of it. */
const FILTERS: Readonly<Record<string, readonly string[]>> = {
  fqdn: ['SERVICE FQDN'],
  port: ['PORT', 'ENDPOINT'],
  subset: ['SUBSET'],
  direction: ['DIRECTION'],
  address: ['ADDRESS', 'ENDPOINT'],
  cluster: ['CLUSTER'],
};
/** Columns that `--named` means; `--name` is the instance's. */
const NAMES = ['NAME', 'RESOURCE NAME', 'CLUSTER', 'SERVICE FQDN'];

export const proxyConfigCommand: Command = {
  name: 'proxy-config',
  alias: 'pc',
  summary: "show what a pod's proxy holds: clusters, listeners, routes, endpoints, secrets, bootstrap, or its log levels",
  args: '<type> <pod>',
  flags: [
    { usage: '-n, --namespace <namespace>', help: 'of the pod (default: default)' },
    { usage: '--fqdn <host>', help: 'clusters: of this service' },
    { usage: '--port <port>', help: 'clusters, listeners, endpoints: of this port' },
    { usage: '--subset <subset>', help: 'clusters: of this subset' },
    { usage: '--direction <direction>', help: 'clusters: inbound or outbound' },
    { usage: '--address <address>', help: 'listeners, endpoints: at this address' },
    { usage: '--cluster <name>', help: 'endpoints: of this cluster' },
    { usage: '--named <name>', help: 'routes, secrets, endpoints, clusters: of this name' },
    { usage: '--level <level>', help: 'log: set it, as in debug, or rbac:debug,jwt:trace' },
  ],
  notes: 'The pod is named as in --from of "sluice explain". With -o json or yaml the messages are shown as Envoy has them.',
  async run(context, flags, [said = '', pod = '']) {
    const type = typeOf(said);
    const question = { pod, namespace: String(flags.namespace ?? 'default') };
    if (type === 'log') {
      const levels = await proxyLog(context.paths, question, flags.level === undefined ? undefined : String(flags.level));
      show(context, { levels: levelsOf(levels) }, () => levels);
      return EXIT.done;
    }
    if (type === 'bootstrap') {
      const bootstrap = await proxyBootstrap(context.paths, question);
      show({ ...context, output: context.output === 'text' ? 'json' : context.output }, bootstrap, () => '');
      return EXIT.done;
    }
    const rows = (await proxyTable(context.paths, question, type)).filter((r) => fits(r, flags));
    show(context, [...new Set(rows.map((r) => r.raw))], () => (rows.length ? tableOf(rows) : `The proxy has no such ${type}.\n`));
    return EXIT.done;
  },
};

/** A type by its name, in the singular, or by its first letter. */
function typeOf(said: string): Type {
  const found = TYPES.find((t) => t === said || t === `${said}s` || t[0] === said || (said === 'ep' && t === 'endpoints'));
  if (found) return found;
  throw new Fault('TypeInvalid', `"${said}" is not something that a proxy holds`, { hint: `Use ${TYPES.join(', ')}.` });
}

function fits({ cells }: DumpRow, flags: Flags): boolean {
  const holds = (columns: readonly string[], wanted: string): boolean =>
    columns.some((c) => cells[c] !== undefined && (cells[c] === wanted || cells[c].split(':').includes(wanted)));
  const { named } = flags;
  if (typeof named === 'string' && !holds(NAMES, named)) return false;
  return Object.entries(FILTERS).every(([flag, columns]) => typeof flags[flag] !== 'string' || holds(columns, flags[flag]));
}

function tableOf(rows: readonly DumpRow[]): string {
  return table([Object.keys(rows[0]!.cells), ...rows.map((r) => Object.values(r.cells))]);
}

/** `  admin: warning` a line. */
function levelsOf(said: string): Record<string, string> {
  return Object.fromEntries([...said.matchAll(/^\s+(\S+): (\w+)$/gm)].map((m) => [m[1]!, m[2]!]));
}
