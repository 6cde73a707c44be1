/** `AdmissionReview`: what a webhook is asked, and what its answer says. Pure. */
import { ApiError, apiVersionOf, type AnyObject, type KindDef, type Served, type StatusReason } from '../../api/index.ts';
import { copy, isRecord, type Json } from '../json.ts';
import { scaleOf } from '../scale.ts';
import type { AdmissionRequest } from './admission.ts';

/** Groups and versions of the reviews that are spoken. */
const REVIEWS: ReadonlySet<string> = new Set(['v1', 'v1beta1']);

/** The review version that a webhook takes first of those spoken here. */
export function reviewVersion(accepted: readonly string[]): string | undefined {
  return accepted.find((version) => REVIEWS.has(version));
}

/** What a webhook that asked for `as` is sent. */
export function reviewOf(request: AdmissionRequest, as: Served, version: string, uid: string): AnyObject {
  const { operation, object, oldObject } = request;
  const shown = (o: AnyObject | undefined): AnyObject | null => (o ? shownTo(request, as, o) : null);
  return {
    kind: 'AdmissionReview',
    apiVersion: `admission.k8s.io/${version}`,
    request: {
      uid,
      ...requestOf(request, as),
      object: operation === 'DELETE' ? null : shown(object),
      oldObject: shown(oldObject),
    },
  };
}

/** What is asked, without the objects that it is about. */
export function requestOf(request: AdmissionRequest, as: Served): Json {
  const { operation, def, served, name, subresource, user, dryRun } = request;
  const { plural } = def.resource;
  const namespace = namespaceOf(request);
  return {
    kind: kindOf(def, as, subresource),
    resource: { group: as.group, version: as.version, resource: plural },
    ...(subresource ? { subResource: subresource } : {}),
    requestKind: kindOf(def, served, subresource),
    requestResource: { group: served.group, version: served.version, resource: plural },
    ...(subresource ? { requestSubResource: subresource } : {}),
    ...(name ? { name } : {}),
    ...(namespace ? { namespace } : {}),
    operation,
    userInfo: {
      username: user.name,
      ...(user.uid ? { uid: user.uid } : {}),
      groups: user.groups,
      ...(user.extra ? { extra: user.extra } : {}),
    },
    dryRun,
    options: optionsOf(request),
  };
}

/** The namespace of a request; that of a Namespace is itself. */
function namespaceOf({ def, namespace, name }: AdmissionRequest): string | undefined {
  return def.resource.group === '' && def.resource.plural === 'namespaces' ? name : namespace;
}

function kindOf(def: KindDef, { group, version }: Served, subresource: string | undefined): Json {
  if (subresource === 'scale') return { group: 'autoscaling', version: 'v1', kind: 'Scale' };
  const part = def.subresources?.find((s) => s.name === subresource);
  return part ? { group: part.group, version: part.version, kind: part.kind } : { group, version, kind: def.resource.kind };
}

/** An object of the request as the webhook knows it: in the version it asked for, or as a Scale. */
export function shownTo(
  { def, served, operation, subresource }: AdmissionRequest,
  { legacy, ...as }: Served,
  object: AnyObject,
): AnyObject {
  if (operation === 'CONNECT' || object.kind !== def.resource.kind) return object;
  if (subresource === 'scale') return scaleOf(served, object);
  if (!legacy) return object;
  return { ...(legacy.downgrade ? legacy.downgrade(copy(object)) : object), apiVersion: apiVersionOf(as) };
}

const OPTIONS = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions' } as const;

function optionsOf({ operation, query, dryRun }: AdmissionRequest): Json | null {
  if (operation === 'CONNECT') return null;
  const { dryRun: _dryRun, force: _force, ...options } = query as Json;
  return {
    kind: OPTIONS[operation],
    apiVersion: 'meta.k8s.io/v1',
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
    ...(dryRun ? { dryRun: ['All'] } : {}),
  };
}

/** What a webhook answered. */
export interface Verdict {
  readonly allowed: boolean;
  readonly status: Json | undefined;
  readonly warnings: readonly string[];
  /** Operations of a JSON patch; not yet looked at. */
  readonly patch: unknown;
}

/** Reads an answer. Throws an Error that says what is wrong with it. */
export function verdictOf(body: Buffer, uid: string, version: string, mutating: boolean): Verdict {
  const review = parse(body);
  const { response } = review;
  const said = `${groupOf(review['apiVersion'])}, Kind=${text(review['kind'])}`;
  if (!isRecord(response)) throw new Error('webhook response was absent');
  if (version === 'v1') {
    if (response['uid'] !== uid)
      throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(text(response['uid']))}`);
    const wanted = 'admission.k8s.io/v1, Kind=AdmissionReview';
    if (said !== wanted) throw new Error(`expected webhook response of ${wanted}, got ${said}`);
    checkPatchFields(text(response['patch']), response['patchType'], mutating);
  }
  const patch = text(response['patch']);
  const { allowed, status, warnings } = response;
  return {
    allowed: allowed === true,
    status: isRecord(status) ? status : undefined,
    warnings: Array.isArray(warnings) ? warnings.filter((w) => typeof w === 'string') : [],
    patch: mutating && patch !== '' ? operationsIn(patch) : undefined,
  };
}

function parse(body: Buffer): Json {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (isRecord(value)) return value;
  } catch {
    // said below
  }
  throw new Error(`the answer is not a JSON object: ${JSON.stringify(body.toString('utf8', 0, 100))}`);
}

function checkPatchFields(patch: string, patchType: unknown, mutating: boolean): void {
  if (!mutating) {
    if (patch !== '') throw new Error('validating webhook may not return response.patch');
    if (patchType != null) throw new Error('validating webhook may not return response.patchType');
    return;
  }
  if (patch !== '' && patchType == null) throw new Error('webhook returned response.patch but not response.patchType');
  if (patch === '' && patchType != null) throw new Error('webhook returned response.patchType but not response.patch');
  if (patchType === '') throw new Error('webhook returned invalid response.patchType of ""');
  if (patchType != null && patchType !== 'JSONPatch') throw new Error(`unsupported patch type ${JSON.stringify(patchType)}`);
}

function operationsIn(patch: string): unknown {
  try {
    return JSON.parse(Buffer.from(patch, 'base64').toString('utf8'));
  } catch (error) {
    throw new Error(`received undecodable patch in webhook response: ${(error as Error).message}`, { cause: error });
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function groupOf(apiVersion: unknown): string {
  return text(apiVersion).includes('/') ? text(apiVersion) : `/${text(apiVersion)}`;
}

/** The refusal of a webhook, as its user is told. */
export function denial(webhook: string, status: Json | undefined): ApiError {
  const { message, reason, code, details } = status ?? {};
  const why = text(message) || text(reason);
  const denied = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  return new ApiError(
    text(reason) as StatusReason,
    why === '' ? `${denied} without explanation` : `${denied}: ${why}`,
    isRecord(details) ? details : undefined,
    { code: typeof code === 'number' && Number.isInteger(code) && code >= 400 && code < 600 ? code : 400 },
  );
}
