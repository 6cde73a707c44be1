import { DEFAULT_PORTS, isPort, type InstanceConfig } from '../app/index.ts';
import { Fault } from '../base/index.ts';
import type { Flag } from './context.ts';

const usual = (port: number): string => `(default: ${port}, or the next free one; kept for later runs)`;

const FLAGS: readonly (Flag & { readonly key: keyof InstanceConfig })[] = [
  { key: 'apiPort', usage: '--api-port <port>', help: `host port of the Kubernetes API ${usual(DEFAULT_PORTS.apiPort)}` },
  { key: 'httpPort', usage: '--http-port <port>', help: `host port of the ingress gateway ${usual(DEFAULT_PORTS.httpPort)}` },
  { key: 'httpsPort', usage: '--https-port <port>', help: `host port of the ingress gateway for TLS ${usual(DEFAULT_PORTS.httpsPort)}` },
  {
    key: 'prometheusPort',
    usage: '--prometheus-port <port>',
    help: `host port of the Prometheus API ${usual(DEFAULT_PORTS.prometheusPort)}`,
  },
];

export const PORT_FLAGS: readonly Flag[] = FLAGS;

/** The ports the user named, checked. */
export function namedPorts(flags: Readonly<Record<string, string | boolean | undefined>>): Partial<InstanceConfig> {
  const out: Partial<Record<keyof InstanceConfig, number>> = {};
  for (const { key, usage } of FLAGS) {
    const value = flags[key];
    if (value === undefined) continue;
    const port = Number(value);
    const [flag] = usage.split(' ');
    if (!isPort(port))
      throw new Fault('PortInvalid', `${flag}: "${String(value)}" is not a port`, { hint: 'Give a number from 1 to 65535.' });
    out[key] = port;
  }
  return out;
}
