import { ConfigMaps, isApiError, Namespaces, ServiceAccounts } from '../api/index.ts';
import { changesOf, settled } from '../control/index.ts';
import { isNamespaceTerminating } from './pod-control.ts';
import type { Controller, World } from './world.ts';

const ROOT_CA = 'kube-root-ca.crt';

/**
 * Gives every namespace what pods expect to find in it: the service account `default`, and the certificate that the API server
 * is trusted by (PEM).
 */
export function namespaceContentController({ informers, client }: World, rootCertificate: string): Controller {
  const namespaces = informers.of(Namespaces);
  const accounts = informers.of(ServiceAccounts);
  const maps = informers.of(ConfigMaps);

  async function ensure(namespace: string): Promise<void> {
    if (!accounts.get({ namespace, name: 'default' })) {
      await client.create(ServiceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name: 'default' } });
    }
    const data = { 'ca.crt': rootCertificate };
    const map = maps.get({ namespace, name: ROOT_CA });
    if (!map) {
      const annotations = {
        'kubernetes.io/description': 'The certificate authority that signs the certificate of the Kubernetes API server.',
      };
      await client.create(ConfigMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: ROOT_CA, annotations }, data });
    } else if (map.data?.['ca.crt'] !== rootCertificate) await client.update(ConfigMaps, { ...map, data });
  }

  return {
    name: 'namespace-content',
    sources: [
      changesOf(namespaces),
      changesOf(accounts, (a) => (a.metadata?.name === 'default' ? [a.metadata.namespace ?? ''] : [])),
      changesOf(maps, (m) => (m.metadata?.name === ROOT_CA ? [m.metadata.namespace ?? ''] : [])),
    ],
    async reconcile(name) {
      const namespace = namespaces.get({ name });
      if (!namespace || namespace.metadata?.deletionTimestamp) return settled;
      try {
        await ensure(name);
      } catch (error) {
        if (!isNamespaceTerminating(error) && !isApiError(error, 'AlreadyExists')) throw error;
      }
      return settled;
    },
  };
}
