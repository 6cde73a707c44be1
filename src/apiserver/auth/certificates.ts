/** Requests for certificates: who asks, who may approve them, and the signing of those by which users are known here. */
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1.js';
import { CertificateSigningRequests, type AnyObject } from '../../api/index.ts';
import { messageOf, rfc3339, type Clock } from '../../base/index.ts';
import { changesOf, settled, updateStatus, type ControllerOptions, type Informers } from '../../control/index.ts';
import type { Admission } from '../admission/admission.ts';
import { forbidden } from '../errors.ts';
import { isRecord } from '../json.ts';
import type { User } from '../registry.ts';
import type { Authorizer } from './authorizer.ts';
import { MASTERS } from './identity.ts';
import { userInfoOf } from './reviews.ts';

/** Reads requests (PEM) and signs them with the key that this server trusts. Both throw when a request is damaged. */
export interface ClientCertificates {
  subjectOf(request: string): Promise<{ readonly groups: readonly string[] }>;
  /** PEM; times in milliseconds. */
  issue(request: string, lifeMs: number, now: number): Promise<string>;
}

/** The one signer that is served: of certificates by which users are known. */
const SIGNER = 'kubernetes.io/kube-apiserver-client';
/** The longest life of a certificate, in seconds: a year. */
const LONGEST = 365 * 86_400;
const USAGES: ReadonlySet<string> = new Set(['client auth', 'digital signature', 'key encipherment']);

/** Writes into requests who sent them, and asks whether those who approve or sign may. */
export function certificateAdmission(authorizer: Authorizer, certificates: ClientCertificates): Admission {
  const may = (user: User, verb: string, signer: string): boolean =>
    [signer, `${signer.split('/')[0]}/*`].some(
      (name) =>
        authorizer.authorize(user, {
          type: 'resource',
          verb,
          group: CertificateSigningRequests.group,
          resource: 'signers',
          subresource: '',
          namespace: '',
          name,
        }).allowed,
    );

  return {
    mutate({ def, operation, subresource, object, oldObject, user }) {
      if (!isRequests(def.resource) || subresource) return;
      const draft = object as unknown as CertificateSigningRequest;
      if (operation === 'UPDATE') draft.spec = structuredClone((oldObject as unknown as CertificateSigningRequest).spec);
      else if (isRecord(draft.spec)) {
        const { request, signerName, usages, expirationSeconds } = draft.spec;
        const asked = {
          request,
          signerName,
          ...(usages ? { usages } : {}),
          ...(expirationSeconds === undefined ? {} : { expirationSeconds }),
        };
        draft.spec = { ...asked, ...structuredClone(userInfoOf(user)) };
      }
    },

    async validate({ def, operation, subresource, name, object, oldObject, user }) {
      if (!isRequests(def.resource) || operation === 'DELETE') return;
      const { signerName, request } = ((oldObject ?? object) as unknown as CertificateSigningRequest).spec;
      const [verb, what] = subresource === 'approval' ? ['approve', 'approve'] : ['sign', 'update'];
      if (subresource && !may(user, verb, signerName)) {
        throw forbidden(def, name, `user not permitted to ${what} requests with signerName ${JSON.stringify(signerName)}`);
      }
      if (operation !== 'CREATE' || signerName !== SIGNER) return;
      try {
        const { groups } = await certificates.subjectOf(textOf(request));
        if (!groups.includes(MASTERS)) return;
      } catch (error) {
        throw forbidden(def, name, `failed to parse CSR: ${messageOf(error)}`);
      }
      throw forbidden(def, name, `use of ${SIGNER} signer with ${MASTERS} group is not allowed`);
    },
  };
}

/** Signs what was approved for the signer of this server, and says of the rest why not. */
export function certificateSigner(
  informers: Informers,
  certificates: ClientCertificates,
  clock: Clock,
): Pick<ControllerOptions, 'name' | 'sources' | 'reconcile'> {
  const requests = informers.of(CertificateSigningRequests);
  return {
    name: 'certificate-signer',
    sources: [changesOf(requests, (r) => (r.spec.signerName === SIGNER ? [r.metadata?.name ?? ''] : []))],
    async reconcile(name) {
      const found = requests.get({ name });
      if (!found || !has(found, 'Approved') || has(found, 'Failed') || has(found, 'Denied') || found.status?.certificate) return settled;
      const { request, usages = [], expirationSeconds = LONGEST } = found.spec;
      const foreign = usages.find((usage) => !USAGES.has(usage));
      const lifeMs = Math.min(expirationSeconds, LONGEST) * 1000;
      let status: CertificateSigningRequest['status'];
      try {
        if (foreign) throw new Error(`invalid usage for client certificate: ${foreign}`);
        if (!usages.includes('client auth')) throw new Error('missing required usage for client certificate: client auth');
        const certificate = await certificates.issue(textOf(request), lifeMs, clock.now());
        status = { ...found.status, certificate: Buffer.from(certificate).toString('base64') };
      } catch (error) {
        const now = rfc3339(clock.now());
        const reason = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message: messageOf(error) };
        const failed = { ...reason, lastUpdateTime: now, lastTransitionTime: now };
        status = { ...found.status, conditions: [...(found.status?.conditions ?? []), failed] };
      }
      await updateStatus(informers.client, CertificateSigningRequests, found, status);
      return settled;
    },
  };
}

/** An approval says nothing but conditions; when they began, the server says. */
export function withApproval(current: AnyObject, sent: AnyObject, now: number): AnyObject {
  const before = (current as { status?: CertificateSigningRequest['status'] }).status;
  const asked = (sent as { status?: CertificateSigningRequest['status'] }).status;
  const time = rfc3339(now);
  const conditions = (asked?.conditions ?? []).map((condition) => {
    const same = before?.conditions?.find(({ type, status }) => type === condition.type && status === condition.status);
    return { lastUpdateTime: time, lastTransitionTime: same?.lastTransitionTime ?? time, ...condition };
  });
  return {
    ...current,
    metadata: { ...current.metadata, resourceVersion: sent.metadata?.resourceVersion },
    status: { ...before, conditions },
  };
}

function isRequests({ group, plural }: { group: string; plural: string }): boolean {
  return group === CertificateSigningRequests.group && plural === CertificateSigningRequests.plural;
}

function has({ status }: CertificateSigningRequest, type: string): boolean {
  return status?.conditions?.some((c) => c.type === type) ?? false;
}

function textOf(request: string): string {
  return Buffer.from(request, 'base64').toString('latin1');
}
