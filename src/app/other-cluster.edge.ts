/** A cluster that is not ours, and what is said when it cannot be asked. */
import { isApiError } from '../api/index.ts';
import { Fault, messageOf, systemClock } from '../base/index.ts';
import { clusterFromKubeconfig, createHttpClient, type Client } from '../control/index.ts';

/** A request that takes longer has no answer. */
export const REQUEST_MS = 30_000;

export interface OtherCluster {
  /** Asks its API. */
  reach<T>(ask: (client: Client) => Promise<T>): Promise<T>;
  /** The one that is meant where none is named. */
  readonly namespace: string | undefined;
}

/** As a kubeconfig says; `context` absent: its current one. Throws a `Fault` when it cannot be read. */
export function otherCluster(
  kubeconfig: string,
  context: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): OtherCluster {
  const { server, namespace } = clusterFromKubeconfig(kubeconfig, context, env, systemClock);
  const client = createHttpClient({ ...server, timeoutMs: REQUEST_MS });
  return { namespace, reach: (ask) => asking(server.baseUrl, () => ask(client)) };
}

/** Throws a `Fault` where the API at that address does not answer, or does not take the credentials. */
export async function asking<T>(baseUrl: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (isApiError(error, 'Unauthorized'))
      throw new Fault('CredentialsRefused', `the API at ${baseUrl} does not take the credentials: ${messageOf(error)}`, {
        hint: 'Renew them in the kubeconfig; "kubectl auth whoami" says whether they are taken.',
        cause: error,
      });
    if (isApiError(error, 'ServiceUnavailable'))
      throw new Fault('ClusterUnreachable', `the API at ${baseUrl} cannot be reached: ${error.message}`, {
        hint: 'Check the address and the certificate authority in the kubeconfig, and that the network leads there.',
        cause: error,
      });
    throw error;
  }
}
