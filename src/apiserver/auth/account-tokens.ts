/** Tokens of ServiceAccounts: what they say, and whether what they say is still so. */
import type { Pod, Secret } from 'kubernetes-types/core/v1.js';
import type { TokenRequest } from 'kubernetes-types/authentication/v1.js';
import { ApiError, tokenRequests, type AnyObject, type Catalog, type KubeObject } from '../../api/index.ts';
import { rfc3339, uuid, type Clock, type Rng } from '../../base/index.ts';
import type { Store } from '../../store/index.ts';
import { conflict, invalid, notFound } from '../errors.ts';
import type { Target, User } from '../registry.ts';
import { accountGroups, accountName, AUTHENTICATED } from './identity.ts';
import type { Signer } from './signer.ts';

/** Who issues tokens, and the audience of those that are for this server. */
export const ISSUER = 'https://kubernetes.default.svc.cluster.local';
/** The issuer of tokens that are kept in Secrets. */
export const SECRET_ISSUER = 'kubernetes/serviceaccount';
export const TOKEN_SECRET = 'kubernetes.io/service-account-token';
/** Names the account in the annotations of such a Secret. */
export const ACCOUNT_ANNOTATION = 'kubernetes.io/service-account.name';

/** What a token can be bound to. */
const BINDABLE: ReadonlyMap<string, string> = new Map([
  ['v1/Node', 'nodes'],
  ['v1/Pod', 'pods'],
  ['v1/Secret', 'secrets'],
]);

interface Named {
  readonly name: string;
  readonly uid: string;
}

/** What is Kubernetes' own in a token's claims. */
interface Bound {
  readonly namespace: string;
  readonly serviceaccount: Named;
  readonly pod?: Named;
  readonly secret?: Named;
  readonly node?: Named;
}

export interface AccountTokens {
  /** Answers `serviceaccounts/<name>/token`. */
  request(target: Target, asked: AnyObject): Promise<AnyObject>;
  /** The token kept in a Secret of an account; it does not expire. */
  forSecret(secret: Secret, account: KubeObject): Promise<string>;
  /** Who holds a token for one of the audiences, and for which; undefined: nobody, or no longer. */
  authenticate(token: string, audiences: readonly string[]): Promise<{ user: User; audiences: string[] } | undefined>;
}

interface AccountTokensCore {
  readonly store: Store<AnyObject>;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly signer: Signer;
}

export function createAccountTokens(core: AccountTokensCore): AccountTokens {
  const { store, catalog, clock, rng, signer } = core;
  const find = (plural: string, namespace: string, name: string): AnyObject | undefined =>
    store.get(`/${plural}/${namespace}/${name}`)?.object;
  /** True while the object of that name is still the same one. */
  const lives = (plural: string, namespace: string, { name, uid }: Named): boolean => {
    const metadata = find(plural, namespace, name)?.metadata;
    if (metadata?.uid !== uid) return false;
    const going = metadata.deletionTimestamp;
    return !going || Date.parse(going) > clock.now();
  };

  /** The object that a token is to be bound to, as its claims name it; its lifetime is the token's. */
  const bind = (namespace: string, account: string, ref: NonNullable<TokenRequest['spec']['boundObjectRef']>): Partial<Bound> => {
    const { kind = '', apiVersion = '', name = '', uid } = ref;
    const plural = BINDABLE.get(`${apiVersion}/${kind}`);
    if (!plural) throw new ApiError('BadRequest', `cannot bind token to object of type ${groupVersion(apiVersion)}, Kind=${kind}`);
    const { def } = catalog.find('', 'v1', plural)!;
    const object = find(plural, kind === 'Node' ? '' : namespace, name);
    if (!object) throw notFound(def, name);
    const named = { name, uid: object.metadata?.uid ?? '' };
    if (uid && uid !== named.uid) {
      const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
      throw conflict(def, name, why);
    }
    if (kind === 'Secret') return { secret: named };
    if (kind === 'Node') return { node: named };
    const { serviceAccountName = 'default', nodeName } = (object as Pod).spec ?? {};
    if (serviceAccountName !== account) {
      const why = `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`;
      throw new ApiError('BadRequest', why);
    }
    const node = nodeName ? find('nodes', '', nodeName)?.metadata : undefined;
    return { pod: named, ...(node ? { node: { name: nodeName!, uid: node.uid ?? '' } } : {}) };
  };

  return {
    async request({ served, namespace = '', name = '' }, asked) {
      const account = find('serviceaccounts', namespace, name);
      if (!account) throw notFound(served.def, name);
      const { name: sent } = asked.metadata ?? {};
      if (sent && sent !== name) {
        const message = `Invalid value: ${JSON.stringify(sent)}: must match the service account name if specified`;
        throw invalid(tokenRequests, '', [{ reason: 'FieldValueInvalid', field: 'metadata.name', message }]);
      }
      const { spec } = asked as unknown as TokenRequest;
      const audiences = spec.audiences?.length ? spec.audiences : [ISSUER];
      const now = Math.floor(clock.now() / 1000);
      const exp = now + spec.expirationSeconds!;
      const bound: Bound = {
        namespace,
        ...(spec.boundObjectRef ? bind(namespace, name, spec.boundObjectRef) : {}),
        serviceaccount: { name, uid: account.metadata?.uid ?? '' },
      };
      const token = await signer.sign({
        aud: audiences,
        exp,
        iat: now,
        iss: ISSUER,
        jti: uuid(rng),
        'kubernetes.io': bound,
        nbf: now,
        sub: accountName(namespace, name),
      });
      return {
        ...asked,
        metadata: { name, namespace, creationTimestamp: rfc3339(clock.now()) },
        spec: { ...spec, audiences, boundObjectRef: spec.boundObjectRef ?? null },
        status: { token, expirationTimestamp: rfc3339(exp * 1000) },
      };
    },

    forSecret({ metadata }, account) {
      const { namespace = '', name = '' } = account.metadata ?? {};
      const claim = (field: string): string => `kubernetes.io/serviceaccount/${field}`;
      return signer.sign({
        iss: SECRET_ISSUER,
        [claim('namespace')]: namespace,
        [claim('secret.name')]: metadata?.name,
        [claim('service-account.name')]: name,
        [claim('service-account.uid')]: account.metadata?.uid,
        sub: accountName(namespace, name),
      });
    },

    async authenticate(token, audiences) {
      const claims = await signer.verify(token);
      if (!claims) return undefined;
      if (claims.iss === SECRET_ISSUER) {
        const claim = (field: string): string => claims[`kubernetes.io/serviceaccount/${field}`] as string;
        const namespace = claim('namespace');
        const serviceaccount = { name: claim('service-account.name'), uid: claim('service-account.uid') };
        const kept = (find('secrets', namespace, claim('secret.name')) as Secret | undefined)?.data?.['token'];
        if (kept !== Buffer.from(token).toString('base64') || !lives('serviceaccounts', namespace, serviceaccount)) return undefined;
        return audiences.includes(ISSUER) ? { user: userOf({ namespace, serviceaccount }, undefined), audiences: [ISSUER] } : undefined;
      }
      const bound = claims['kubernetes.io'] as Bound | undefined;
      if (claims.iss !== ISSUER || !bound) return undefined;
      const meant = [claims.aud ?? []].flat().filter((a) => audiences.includes(a));
      const { namespace, serviceaccount, pod, secret, node } = bound;
      const good =
        meant.length > 0 &&
        lives('serviceaccounts', namespace, serviceaccount) &&
        (!pod || lives('pods', namespace, pod)) &&
        (!secret || lives('secrets', namespace, secret)) &&
        (!node || pod !== undefined || lives('nodes', '', node));
      return good ? { user: userOf(bound, claims.jti), audiences: meant } : undefined;
    },
  };
}

/** `/v1` of `v1`, as Go prints a group and version. */
function groupVersion(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion : `/${apiVersion}`;
}

function userOf({ namespace, serviceaccount, pod, node }: Bound, jti: string | undefined): User {
  const said = (field: string, value: string | undefined): Record<string, string[]> =>
    value ? { [`authentication.kubernetes.io/${field}`]: [value] } : {};
  const extra = {
    ...said('credential-id', jti && `JTI=${jti}`),
    ...said('node-name', node?.name),
    ...said('node-uid', node?.uid),
    ...said('pod-name', pod?.name),
    ...said('pod-uid', pod?.uid),
  };
  return {
    name: accountName(namespace, serviceaccount.name),
    uid: serviceaccount.uid,
    groups: [...accountGroups(namespace), AUTHENTICATED],
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}
