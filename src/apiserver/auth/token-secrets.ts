import type { Secret } from 'kubernetes-types/core/v1.js';
import { keyOf, keyText, parseKey, Secrets, ServiceAccounts } from '../../api/index.ts';
import { changesOf, settled, type ControllerOptions, type Informers } from '../../control/index.ts';
import { ACCOUNT_ANNOTATION, TOKEN_SECRET, type AccountTokens } from './account-tokens.ts';

const UID_ANNOTATION = 'kubernetes.io/service-account.uid';
const OF_ACCOUNT = 'account';

/** Fills Secrets that ask for the token of an account, and deletes those whose account is gone. `rootCertificate`: PEM. */
export function tokenSecrets(
  informers: Informers,
  tokens: AccountTokens,
  rootCertificate: string,
): Pick<ControllerOptions, 'name' | 'sources' | 'reconcile'> {
  const { client } = informers;
  const secrets = informers.of(Secrets);
  const ofAccount = secrets.index(OF_ACCOUNT, (secret) => {
    const name = accountOf(secret);
    return name ? [keyText({ namespace: secret.metadata?.namespace, name })] : [];
  });

  return {
    name: 'service-account-token-secrets',
    sources: [
      changesOf(secrets, (secret) => (accountOf(secret) ? [keyText(keyOf(secret))] : [])),
      changesOf(informers.of(ServiceAccounts), (account) => ofAccount(keyText(keyOf(account))).map((s) => keyText(keyOf(s)))),
    ],
    async reconcile(key) {
      const secret = secrets.get(parseKey(key));
      const name = secret && accountOf(secret);
      if (!secret || !name || secret.metadata?.deletionTimestamp) return settled;
      const { namespace = '', uid, annotations } = secret.metadata ?? {};
      const account = await client.get(ServiceAccounts, { namespace, name });
      const asked = annotations?.[UID_ANNOTATION];
      if (!account || (asked && asked !== account.metadata?.uid)) {
        await client.delete(Secrets, keyOf(secret), { preconditions: { uid } });
        return settled;
      }
      const { data = {} } = secret;
      if (data['token'] && data['ca.crt'] && data['namespace'] && asked) return settled;
      const encoded = (text: string): string => Buffer.from(text).toString('base64');
      await client.update(Secrets, {
        ...secret,
        metadata: { ...secret.metadata, annotations: { ...annotations, [UID_ANNOTATION]: account.metadata?.uid ?? '' } },
        data: {
          ...data,
          'ca.crt': data['ca.crt'] ?? encoded(rootCertificate),
          namespace: data['namespace'] ?? encoded(namespace),
          token: data['token'] ?? encoded(await tokens.forSecret(secret, account)),
        },
      });
      return settled;
    },
  };
}

/** The account that a Secret asks a token of; undefined: it asks for none. */
function accountOf({ type, metadata }: Secret): string | undefined {
  return type === TOKEN_SECRET ? metadata?.annotations?.[ACCOUNT_ANNOTATION] : undefined;
}
