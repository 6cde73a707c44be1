import { Namespaces } from '../../api/index.ts';
import type { Clock, Log } from '../../base/index.ts';
import { changesOf, createInformers, runController, settled, type Client } from '../../control/index.ts';
import type { Auth } from './auth.ts';
import { certificateSigner } from './certificates.ts';
import { aggregation } from './rbac/aggregation.ts';
import { reconcileDefaults } from './rbac/bootstrap.ts';
import { readDefaults } from './rbac/defaults.edge.ts';
import { tokenSecrets } from './token-secrets.ts';

export interface AuthControllersOptions {
  readonly auth: Pick<Auth, 'accountTokens' | 'certificates'>;
  /** In-process, as the server itself. */
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends all controllers. */
  readonly signal: AbortSignal;
  /** What clients trust this server by, PEM. */
  readonly rootCertificate: string;
}

/**
 * Brings the default roles about, and starts what keeps tokens in Secrets and gathers rules. Resolves when the roles without a namespace
 * are there; `done` resolves when the signal has aborted and all work in hand is over.
 */
export async function startAuthControllers(options: AuthControllersOptions): Promise<{ done: Promise<void> }> {
  const { auth, client, clock, signal, rootCertificate } = options;
  const log = options.log.with({ room: 'auth' });
  const defaults = readDefaults();
  await reconcileDefaults(client, defaults, '');
  const informers = createInformers(client, { clock, log, signal });
  const homes = new Set([...defaults.roles, ...defaults.bindings].flatMap(({ metadata }) => metadata?.namespace ?? []));
  const controllers = [
    aggregation(informers),
    tokenSecrets(informers, auth.accountTokens, rootCertificate),
    certificateSigner(informers, auth.certificates, clock),
    {
      name: 'default-roles',
      sources: [changesOf(informers.of(Namespaces))],
      reconcile: async (name: string) => {
        const namespace = informers.of(Namespaces).get({ name });
        if (homes.has(name) && namespace && !namespace.metadata?.deletionTimestamp) await reconcileDefaults(client, defaults, name);
        return settled;
      },
    },
  ];
  const running = controllers.map((controller) => runController({ ...controller, clock, log, signal }));
  return { done: Promise.all(running).then(() => undefined) };
}
