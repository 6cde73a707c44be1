/** HTTP to services of the cluster by their names, from outside the node: through the node's port-forward. */
import { request, type RequestOptions } from 'node:http';
import type { Duplex } from 'node:stream';
import { EndpointSlices, Services } from '../api/index.ts';
import type { Kubelet } from '../apiserver/index.ts';
import type { Informers } from '../control/index.ts';
import type { Http, HttpAnswer } from '../delivery/index.ts';
import { podBehind, serviceNamed } from './cluster-address.ts';

const MAX_BODY = 64 * 1024;

export function clusterHttp(informers: Informers, kubelet: Kubelet): Http {
  const services = informers.of(Services);
  const slices = informers.of(EndpointSlices);

  /** A connection to a ready pod of the service, or undefined when the host is none of ours. */
  async function dial(url: URL): Promise<Duplex | undefined> {
    const named = serviceNamed(url.hostname);
    const service = named && services.get(named);
    if (!service) return undefined;
    const { pod, port } = podBehind(service, Number(url.port || 80), slices.list(named.namespace));
    return kubelet.portForward(named.namespace, pod, port);
  }

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
