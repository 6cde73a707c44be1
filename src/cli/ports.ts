import { Fault } from '../base/index.ts';
import type { Flag } from './context.ts';

export const PORT_FLAGS: readonly Flag[] = [
  { usage: '--api-port <port>', help: 'host port of the Kubernetes API (default 16443, or the next free one)' },
  { usage: '--http-port <port>', help: 'host port of the ingress gateway (default 8080)' },
  { usage: '--https-port <port>', help: 'host port of the ingress gateway for TLS (default 8443)' },
  { usage: '--prometheus-port <port>', help: 'host port of the Prometheus API (default 19090)' },
];

const KEYS = ['apiPort', 'httpPort', 'httpsPort', 'prometheusPort'] as const;

/** The ports the user named, checked. */
export function namedPorts(flags: Readonly<Record<string, string | boolean | undefined>>): Partial<Record<(typeof KEYS)[number], number>> {
  const out: Partial<Record<(typeof KEYS)[number], number>> = {};
  for (const key of KEYS) {
    const value = flags[key];
    if (value === undefined) continue;
    const port = Number(value);
    if (!Number.isInteger(port) || port < 1 || port > 65535)
      throw new Fault('PortInvalid', `"${String(value)}" is not a port`, { hint: 'Give a number from 1 to 65535.' });
    out[key] = port;
  }
  return out;
}
