/** What an instance keeps between runs, and what its control plane is started with. */
import type { InstancePaths } from './paths.ts';

/** Ports on 127.0.0.1. */
export interface InstanceConfig {
  readonly apiPort: number;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly prometheusPort: number;
}

/** What a control plane is started with; it comes in an environment variable. */
export interface ControlPlaneInput {
  readonly paths: InstancePaths;
  readonly config: InstanceConfig;
  /** Path of the Envoy to run. */
  readonly envoy: string;
}

/** `instance.json`. */
export interface InstanceRecord {
  readonly config: InstanceConfig;
  /** Where the sockets of the last run are: another shell may have another XDG_RUNTIME_DIR. */
  readonly runDir: string | undefined;
}

export const DEFAULT_PORTS: InstanceConfig = { apiPort: 16443, httpPort: 8080, httpsPort: 8443, prometheusPort: 19090 };

/** How the ports are called: the flag that sets one, and what listens there. */
export const PORTS: readonly { readonly key: keyof InstanceConfig; readonly flag: string; readonly what: string }[] = [
  { key: 'apiPort', flag: '--api-port', what: 'the Kubernetes API' },
  { key: 'httpPort', flag: '--http-port', what: 'the ingress gateway' },
  { key: 'httpsPort', flag: '--https-port', what: 'the ingress gateway (TLS)' },
  { key: 'prometheusPort', flag: '--prometheus-port', what: 'the Prometheus API' },
];

export function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65535;
}

/** Reads `instance.json`; undefined when it is not one. A port that is none has its default: the file only saves choosing again. */
export function parseRecord(text: string): InstanceRecord | undefined {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof read !== 'object' || read === null || Array.isArray(read)) return undefined;
  const fields = read as Readonly<Record<string, unknown>>;
  const config = Object.fromEntries(PORTS.map(({ key }) => [key, isPort(fields[key]) ? fields[key] : DEFAULT_PORTS[key]]));
  return { config: config as unknown as InstanceConfig, runDir: typeof fields.runDir === 'string' ? fields.runDir : undefined };
}

export function recordText(config: InstanceConfig, runDir: string): string {
  return `${JSON.stringify({ ...config, runDir }, null, 2)}\n`;
}
