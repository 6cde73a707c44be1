/** What a node has room for: resources and host ports. */
import type { Container, Node, Pod } from 'kubernetes-types/core/v1.js';
import { parseQuantity } from '../base/index.ts';

type Amounts = Readonly<Record<string, number>>;

/** What the containers of a pod ask for together, the larger of what they need at the start and later; a limit is a request, too. */
export function requestsOf({ spec }: Pod): Amounts {
  const running = [...(spec?.containers ?? []), ...(spec?.initContainers ?? []).filter(isSidecar)].map(requestOf).reduce(plus, {});
  let sidecars: Amounts = {};
  let starting: Amounts = {};
  for (const init of spec?.initContainers ?? []) {
    if (isSidecar(init)) sidecars = plus(sidecars, requestOf(init));
    else starting = larger(starting, plus(sidecars, requestOf(init)));
  }
  return plus(larger(running, starting), amounts(spec?.overhead));
}

const isSidecar = (container: Container): boolean => (container as { restartPolicy?: string }).restartPolicy === 'Always';
const requestOf = ({ resources }: Container): Amounts => ({ ...amounts(resources?.limits), ...amounts(resources?.requests) });

function amounts(list: Readonly<Record<string, string>> | undefined): Amounts {
  return Object.fromEntries(Object.entries(list ?? {}).map(([name, quantity]) => [name, parseQuantity(String(quantity)) ?? 0]));
}

function combine(a: Amounts, b: Amounts, how: (x: number, y: number) => number): Amounts {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...names].map((name) => [name, how(a[name] ?? 0, b[name] ?? 0)]));
}
const plus = (a: Amounts, b: Amounts): Amounts => combine(a, b, (x, y) => x + y);
const larger = (a: Amounts, b: Amounts): Amounts => combine(a, b, Math.max);

/** What a node lacks for one more pod, in the scheduler's words. A node that does not say what it has, has enough. */
export function shortages(pod: Pod, { status }: Node, there: readonly Pod[]): string[] {
  const { pods, ...room } = amounts(status?.allocatable);
  const wanted = Object.entries(requestsOf(pod)).filter(([, amount]) => amount > 0);
  const short: string[] = [];
  if (pods !== undefined && there.length >= pods) short.push('Too many pods');
  if (status?.allocatable === undefined || wanted.length === 0) return short;
  const used = there.map(requestsOf).reduce(plus, {});
  for (const [name, amount] of wanted) {
    // Sums of fractions of a core are not exact.
    if ((used[name] ?? 0) + amount > (room[name] ?? 0) * (1 + 1e-9)) short.push(`Insufficient ${name}`);
  }
  return short;
}

const hostPorts = ({ spec }: Pod): { ip: string; port: number; protocol: string }[] =>
  (spec?.containers ?? []).flatMap((c) =>
    (c.ports ?? []).flatMap(({ hostPort, hostIP, protocol = 'TCP' }) =>
      hostPort ? [{ ip: hostIP || '0.0.0.0', port: hostPort, protocol }] : [],
    ),
  );

/** Whether the pod wants a port of the host that another one has. */
export function portClash(pod: Pod, there: readonly Pod[]): boolean {
  const taken = there.flatMap(hostPorts);
  const anywhere = '0.0.0.0';
  return hostPorts(pod).some((want) =>
    taken.some(
      (t) => t.port === want.port && t.protocol === want.protocol && (t.ip === want.ip || t.ip === anywhere || want.ip === anywhere),
    ),
  );
}
