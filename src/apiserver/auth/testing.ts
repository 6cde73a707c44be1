/** An API with accounts on a volatile store in virtual time. */
import { generateKeyPairSync } from 'node:crypto';
import { createCatalog, Namespaces, ServiceAccounts, type AnyObject, type Key, type Resource } from '../../api/index.ts';
import { seededRng, silentLog, VirtualClock } from '../../base/index.ts';
import type { Client } from '../../control/index.ts';
import { memoryStore, type Store } from '../../store/index.ts';
import { createRegistry } from '../create-registry.ts';
import type { Registry, User } from '../registry.ts';
import { createAuth, type Auth } from './auth.ts';
import type { ClientCertificates } from './certificates.ts';
import { ADMIN } from './identity.ts';

/** Made once: it is what takes the time. */
const accountKey = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
}).privateKey;

/** Signs all: a request is its subject's groups, with a blank between. */
const certificates: ClientCertificates = {
  async subjectOf(request) {
    if (!request.startsWith('-----BEGIN CERTIFICATE REQUEST-----')) throw new Error('it is damaged');
    return { groups: request.split('\n')[1]!.split(' ') };
  },
  issue: async (request, lifeMs) => `${request.split('\n')[1]} for ${lifeMs} ms`,
};

export interface AuthWorld {
  readonly auth: Auth;
  readonly registry: Registry;
  readonly store: Store<AnyObject>;
  /** As the administrator. */
  readonly client: Client;
  readonly clock: VirtualClock;
  /** Creates an object, or a part of one, as somebody. */
  post(user: User, resource: Pick<Resource, 'group' | 'plural'>, key: Partial<Key>, body: object, subresource?: string): Promise<any>;
}

/** The account `default/robot` is there, and nothing else is. */
export async function authWorld(): Promise<AuthWorld> {
  const clock = new VirtualClock(Date.parse('2026-01-01T00:00:00Z'));
  const store = memoryStore<AnyObject>();
  const core = { store, catalog: createCatalog(), clock, rng: seededRng(5), log: silentLog };
  const auth = await createAuth({ ...core, accountKey, certificates, tokens: { secret: ADMIN } });
  const registry = createRegistry({ ...core, answers: auth.answers, admission: auth.admission });
  const client = registry.client(ADMIN);
  await client.create(Namespaces, { metadata: { name: 'default' } });
  await client.create(ServiceAccounts, { metadata: { name: 'robot', namespace: 'default' } });
  return {
    auth,
    registry,
    store,
    client,
    clock,
    async post(user, { group, plural }, { namespace, name }, body, subresource) {
      const served = registry.catalog.find(group, 'v1', plural)!;
      return (await registry.create({ served, namespace, name, subresource, user }, { value: body }, {})).object;
    },
  };
}
