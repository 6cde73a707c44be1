import { Agent, request, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { isApiError } from '../../api/index.ts';
import type { Clock } from '../../base/index.ts';
import type { Dialer } from '../dialer.ts';
import { readBody } from '../http/body.ts';
import type { Endpoint } from './hooks.ts';
import type { CallWebhook } from './webhooks.ts';

/** Webhooks whose connections are kept. */
const MAX_AGENTS = 64;
const IDLE_MS = 60_000;

/** Calls webhooks over TLS: those of a service by way of the dialer, others at their URL. Connections are used again. */
export function createWebhookCaller({ dialer, clock }: { readonly dialer: Dialer; readonly clock: Clock }): CallWebhook {
  const agents = new Map<string, Agent>();

  /** One for each address and trust, the one used last at the end. */
  const agentFor = (endpoint: Endpoint): Agent => {
    const { url, service, ca } = endpoint;
    const key = JSON.stringify([service ?? new URL(url).host, ca]);
    const agent = agents.get(key) ?? (service ? serviceAgent(dialer, service, ca) : new Agent({ keepAlive: true, timeout: IDLE_MS, ca }));
    agents.delete(key);
    agents.set(key, agent);
    if (agents.size > MAX_AGENTS) {
      const [oldest] = agents;
      oldest?.[1].destroy();
      agents.delete(oldest![0]);
    }
    return agent;
  };

  const post = (endpoint: Endpoint, url: string, body: Buffer, signal: AbortSignal, retry: boolean): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', accept: 'application/json', 'content-length': body.length };
      const req = request(url, { method: 'POST', agent: agentFor(endpoint), headers });
      signal.addEventListener('abort', () => {
        reject(new Error('context deadline exceeded'));
        req.destroy(new Error('context deadline exceeded'));
      });
      req.once('response', (res) => {
        readBody(res).then((answer) => {
          const status = res.statusCode ?? 0;
          if (status >= 200 && status <= 206) resolve(answer);
          else reject(new Refused(refusal(status, answer)));
        }, reject);
      });
      req.once('error', (error: NodeJS.ErrnoException) => {
        // A connection that was kept may have ended just now, before the webhook saw anything of the request.
        if (retry && req.reusedSocket && error.code === 'ECONNRESET') resolve(post(endpoint, url, body, signal, false));
        else reject(error);
      });
      req.end(body);
    });

  return async (endpoint, body, timeoutSeconds) => {
    const url = `${endpoint.url}?timeout=${timeoutSeconds}s`;
    const deadline = new AbortController();
    const timer = clock.after(timeoutSeconds * 1000, () => deadline.abort());
    try {
      return await post(endpoint, url, body, deadline.signal, true);
    } catch (error) {
      throw error instanceof Refused ? error : new Error(`Post ${JSON.stringify(url)}: ${inGoWords(error, endpoint)}`, { cause: error });
    } finally {
      timer.cancel();
    }
  };
}

/** An answer, but none of success. */
class Refused extends Error {}

/** Connections to a service of the cluster, whose certificate is to be for its name there. */
function serviceAgent(dialer: Dialer, { namespace, name, port }: NonNullable<Endpoint['service']>, ca: string | undefined): Agent {
  const agent = new Agent({ keepAlive: true, timeout: IDLE_MS });
  const open = async (): Promise<Duplex> => {
    const socket = await dialer.service(namespace, name, String(port));
    const trust = ca === undefined ? {} : { ca };
    return connect({ socket, servername: `${name}.${namespace}.svc`, ALPNProtocols: ['http/1.1'], ...trust });
  };
  return Object.assign(agent, {
    createConnection(_options: RequestOptions, done: (error: Error | null, stream?: Duplex) => void): void {
      open().then((stream) => done(null, stream), done);
    },
  });
}

/** Answers other than success, in the words of Kubernetes' clients. */
function refusal(status: number, body: Buffer): string {
  switch (status) {
    case 401:
      return 'the server has asked for the client to provide credentials';
    case 404:
      return 'the server could not find the requested resource';
    case 405:
      return 'the server does not allow this method on the requested resource';
    case 500:
      return `an error on the server (${JSON.stringify(body.toString('utf8', 0, 2048).trim())}) has prevented the request from succeeding`;
    case 503:
      return 'the server is currently unable to handle the request';
    default:
      return `the server responded with the status code ${status} but did not return more information`;
  }
}

const UNTRUSTED: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Why a connection failed, as people find it when they search for it. */
function inGoWords(error: unknown, { service }: Endpoint): string {
  const {
    code = '',
    message,
    ...more
  } = error as NodeJS.ErrnoException & { address?: string; port?: number; host?: string; hostname?: string };
  if (service && isApiError(error, 'NotFound') && error.details?.kind === 'services')
    return `service ${JSON.stringify(service.name)} not found`;
  if (UNTRUSTED.has(code)) return 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid';
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `tls: failed to verify certificate: x509: certificate is not valid for the name (${message})`;
  if (code === 'ECONNREFUSED' && more.address) return `dial tcp ${more.address}:${more.port}: connect: connection refused`;
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${more.hostname}: no such host`;
  return code === 'ECONNRESET' ? 'EOF' : message;
}
