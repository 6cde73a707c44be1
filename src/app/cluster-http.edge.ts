/** HTTP to services of the cluster by their names, from outside the node: through the node's port-forward. */
import { request, type RequestOptions } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { isApiError, keyOf } from '../api/index.ts';
import type { Dialer } from '../apiserver/index.ts';
import type { Http, HttpAnswer } from '../delivery/index.ts';
import { prometheusService } from '../mesh/index.ts';
import { serviceNamed } from './cluster-address.ts';

const MAX_BODY = 64 * 1024;

/**
 * Connects to a ready pod of the service that a URL names; undefined when the host is none of ours. PromQL of the instance is not asked
 * by way of its pod: `ownPrometheus` says whether that is what answers by the conventional name.
 */
export function clusterDial(
  dialer: Dialer,
  prometheusPort: number,
  ownPrometheus: () => Promise<boolean>,
): (url: URL) => Promise<Duplex | undefined> {
  const { namespace, name } = keyOf(prometheusService);
  return async (url) => {
    const named = serviceNamed(url.hostname);
    if (!named) return undefined;
    if (named.namespace === namespace && named.name === name && (await ownPrometheus())) return connect(prometheusPort, '127.0.0.1');
    try {
      return await dialer.service(named.namespace, named.name, url.port || (url.protocol === 'https:' ? '443' : '80'));
    } catch (error) {
      if (!isApiError(error, 'NotFound') || error.details?.kind !== 'services') throw error;
      return undefined;
    }
  };
}

export function clusterHttp(dial: (url: URL) => Promise<Duplex | undefined>): Http {
  return {
    async post(address, body, timeoutMs) {
      const url = new URL(address);
      const text = JSON.stringify(body);
      const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) };
      const connection = url.protocol === 'http:' ? await dial(url) : undefined;
      if (!connection) {
        const response = await fetch(url, { method: 'POST', body: text, headers, signal: AbortSignal.timeout(timeoutMs) });
        return { status: response.status, body: (await response.text()).slice(0, MAX_BODY) };
      }
      return await new Promise<HttpAnswer>((resolve, reject) => {
        const options: RequestOptions = {
          method: 'POST',
          path: url.pathname + url.search,
          headers: { ...headers, host: url.host },
          createConnection: () => connection,
        };
        const timer = setTimeout(() => connection.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
        const r = request(options, (response) => {
          let said = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            if (said.length < MAX_BODY) said += chunk;
          });
          response.on('error', reject);
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: said }));
        });
        r.on('error', reject);
        r.on('close', () => {
          clearTimeout(timer);
          connection.destroy();
        });
        r.end(text);
      });
    },
  };
}
