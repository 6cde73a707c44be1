/** Gateways of which nothing is served, or not what is meant: their pods, certificates and ports. */
import type { Pod, Secret, Service } from 'kubernetes-types/core/v1.js';
import { keyOf, type Gateway } from '../api/index.ts';
import type { Problem } from './problem.ts';
import type { Snapshot } from './snapshot.ts';
import { selects } from './workload.ts';

/** `secrets`: `namespace/name` of every Secret; absent where they are not known, and then nothing is said of them. */
export function gatewaysIn(snapshot: Snapshot, secrets: ReadonlySet<string> | undefined): Problem[] {
  const all = [...snapshot.gateways.values()];
  return all.flatMap((gateway) => {
    const pods = [...snapshot.pods.values()].filter((p) => selects(gateway.spec?.selector, p.metadata?.labels ?? {}));
    if (!pods.length) return unserved(gateway);
    const services = servicesOf(pods, snapshot);
    return (gateway.spec?.servers ?? []).flatMap((_server, i) => [
      ...credential(gateway, i, pods, snapshot, secrets),
      ...port(gateway, i, services),
      ...twice(gateway, i, all),
    ]);
  });
}

function problem(gateway: Gateway, severity: Problem['severity'], code: string, path: string, message: string, fix: string): Problem {
  return { object: { kind: 'Gateway', ...keyOf(gateway) }, severity, code, path, message, fix };
}

function unserved(gateway: Gateway): Problem[] {
  const text = Object.entries(gateway.spec?.selector ?? {}).map(([k, v]) => `${k}=${v}`);
  const message = `no pod has the labels ${text.join(', ')}: nothing serves it.`;
  const fix = 'Use istio: ingressgateway, or start a gateway with these labels.';
  return [problem(gateway, 'error', 'IST0101', 'spec.selector', message, fix)];
}

function servicesOf(pods: readonly Pod[], { services }: Snapshot): Service[] {
  return [...services.values()].filter(
    ({ metadata, spec }) =>
      spec?.selector && pods.some((p) => p.metadata?.namespace === metadata?.namespace && selects(spec.selector, p.metadata?.labels ?? {})),
  );
}

function credential(
  gateway: Gateway,
  i: number,
  pods: readonly Pod[],
  snapshot: Snapshot,
  secrets: ReadonlySet<string> | undefined,
): Problem[] {
  const name = gateway.spec?.servers?.[i]?.tls?.credentialName;
  if (!secrets || !name || name.includes('://')) return [];
  const path = `spec.servers[${i}].tls.credentialName`;
  for (const namespace of new Set(pods.map((p) => p.metadata?.namespace))) {
    if (!secrets.has(`${namespace}/${name}`)) {
      const fix = `Create it in ${namespace}, where the gateway's pods are.`;
      return [problem(gateway, 'error', 'IST0101', path, `there is no Secret ${namespace}/${name}.`, fix)];
    }
    const secret = snapshot.secrets.get(`${namespace}/${name}`);
    if (secret && !isCertificate(secret)) {
      const fix = 'Make it with "kubectl create secret tls".';
      return [problem(gateway, 'error', 'IST0161', path, `Secret ${namespace}/${name} holds no certificate with its key.`, fix)];
    }
  }
  return [];
}

/** As `kubernetes.io/tls` has it, or in Istio's own fields. */
function isCertificate({ data = {} }: Secret): boolean {
  const isPem = (field: string): boolean => Buffer.from(data[field] ?? '', 'base64').includes('-----BEGIN ');
  return (isPem('tls.crt') && isPem('tls.key')) || (isPem('cert') && isPem('key'));
}

function port(gateway: Gateway, i: number, services: readonly Service[]): Problem[] {
  const number = gateway.spec?.servers?.[i]?.port?.number;
  const ports = services.flatMap((s) => s.spec?.ports ?? []);
  if (!ports.length || ports.some((p) => p.port === number || p.targetPort === number)) return [];
  const names = services.map((s) => `${s.metadata?.namespace}/${s.metadata?.name}`).join(', ');
  const message = `port ${number} is not on the Service of the gateway's pods (${names}), so nobody reaches it there.`;
  return [
    problem(gateway, 'warning', 'IST0162', `spec.servers[${i}].port.number`, message, `Use ${ports.map((p) => p.port).join(' or ')}.`),
  ];
}

/** Browsers use one connection for all names of a certificate, and the chain of one Gateway has no routes of another. */
function twice(gateway: Gateway, i: number, all: readonly Gateway[]): Problem[] {
  const key = (g: Gateway, n: number): string | undefined => {
    const { credentialName, serverCertificate } = g.spec?.servers?.[n]?.tls ?? {};
    return credentialName ?? serverCertificate;
  };
  const own = key(gateway, i);
  const together = (g: Gateway): boolean =>
    selects(g.spec?.selector, gateway.spec?.selector ?? {}) || selects(gateway.spec?.selector, g.spec?.selector ?? {});
  const other = own && all.find((g) => g !== gateway && together(g) && g.spec?.servers?.some((_s, n) => key(g, n) === own));
  if (!other) return [];
  const { namespace, name } = other.metadata ?? {};
  const message = `Gateway ${namespace}/${name} has the same certificate ${own}: clients that use one HTTP/2 connection for both get 404.`;
  return [problem(gateway, 'warning', 'IST0138', `spec.servers[${i}].tls`, message, 'Make it one Gateway, or give each a certificate.')];
}
