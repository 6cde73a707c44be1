/** `ConversionReview`: how objects of a custom kind get from one version to another, where only a webhook knows. */
import { ApiError, type AnyObject, type KindDef } from '../../api/index.ts';
import { messageOf, uuid, type Rng } from '../../base/index.ts';
import { endpointOf } from '../admission/hooks.ts';
import type { CallWebhook } from '../admission/webhooks.ts';
import { copy, isRecord, type Json } from '../json.ts';

/** Seconds that a webhook has for a review. */
const TIMEOUT = 30;
/** Most objects in one review. */
const TOGETHER = 100;
const REVIEWS: ReadonlySet<string> = new Set(['v1', 'v1beta1']);

/** Objects in the version `to` (`example.com/v1`), in their order. Throws ApiError, as the real server says it, when the webhook does not do it. */
export type Convert = (def: KindDef, objects: readonly AnyObject[], to: string) => Promise<AnyObject[]>;

export function createConverter({ callWebhook, rng }: { readonly callWebhook: CallWebhook; readonly rng: Rng }): Convert {
  const ask = async (
    { clientConfig, conversionReviewVersions }: Webhook,
    objects: readonly AnyObject[],
    to: string,
  ): Promise<unknown[]> => {
    const version = conversionReviewVersions.find((v) => REVIEWS.has(v));
    if (!clientConfig || !version) throw new Error('it takes no known version of ConversionReview (v1, v1beta1)');
    const uid = uuid(rng);
    const review = {
      kind: 'ConversionReview',
      apiVersion: `apiextensions.k8s.io/${version}`,
      request: { uid, desiredAPIVersion: to, objects },
    };
    return convertedIn(await callWebhook(endpointOf(clientConfig), Buffer.from(JSON.stringify(review)), TIMEOUT), version, uid);
  };

  /** Of a row of objects that are all in other versions. */
  const some = async (webhook: Webhook, objects: readonly AnyObject[], to: string): Promise<AnyObject[]> => {
    const { apiVersion, kind } = objects[0]!;
    const who = `conversion webhook for ${apiVersion}, Kind=${kind}`;
    let answered: unknown[];
    try {
      answered = await ask(webhook, objects, to);
    } catch (error) {
      throw new ApiError('', `${who} failed: ${messageOf(error)}`);
    }
    if (answered.length !== objects.length)
      throw new ApiError('', `${who} returned ${answered.length} objects, expected ${objects.length}`);
    return answered.map((converted, i) => {
      try {
        return checked(objects[i]!, converted, to);
      } catch (error) {
        throw new ApiError('', `${who} returned invalid converted object at index ${i}: ${messageOf(error)}`);
      }
    });
  };

  return async ({ conversion }, objects, to) => {
    const out = [...objects];
    const others = [...objects.keys()].filter((i) => objects[i]!.apiVersion !== to);
    for (let from = 0; from < others.length; from += TOGETHER) {
      const part = others.slice(from, from + TOGETHER);
      const converted = await some(
        conversion!,
        part.map((i) => objects[i]!),
        to,
      );
      part.forEach((i, n) => (out[i] = converted[n]!));
    }
    return out;
  };
}

type Webhook = NonNullable<KindDef['conversion']>;

/** The objects of an answer. Throws an Error that says what is wrong with it. */
function convertedIn(body: Buffer, version: string, uid: string): unknown[] {
  const review: unknown = JSON.parse(body.toString('utf8'));
  if (!isRecord(review)) throw new Error('the answer is not an object');
  const { response } = review;
  const wanted = `apiextensions.k8s.io/${version}, Kind=ConversionReview`;
  const said = `${String(review['apiVersion'])}, Kind=${String(review['kind'])}`;
  if (version === 'v1' && said !== wanted) throw new Error(`expected webhook response of ${wanted}, got ${said}`);
  if (!isRecord(response)) throw new Error('no response provided');
  if (version === 'v1' && response['uid'] !== uid)
    throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response['uid'] ?? '')}`);
  const { status, message } = (isRecord(response['result']) ? response['result'] : {}) as { status?: unknown; message?: unknown };
  if (status !== 'Success') {
    const why = typeof message === 'string' && message !== '' ? message : undefined;
    throw new Error(why ?? `response.result.status was '${typeof status === 'string' ? status : ''}', not 'Success'`);
  }
  return Array.isArray(response['convertedObjects']) ? response['convertedObjects'] : [];
}

/** A converted object with the metadata that it had, but for labels and annotations. Throws an Error when it is not the same object. */
function checked(before: AnyObject, after: unknown, to: string): AnyObject {
  if (!isRecord(after)) throw new Error('it is not an object');
  const { apiVersion, kind, metadata } = after;
  if (apiVersion !== to) throw new Error(`invalid groupVersion (expected ${to}, received ${String(apiVersion)})`);
  if (kind !== before.kind) throw new Error(`invalid kind (expected ${before.kind}, received ${String(kind)})`);
  if (!isRecord(metadata)) throw new Error('missing metadata in converted object');
  for (const [field, what] of [
    ['name', 'name'],
    ['namespace', 'namespace'],
    ['uid', 'UID'],
  ] as const) {
    const [had, has] = [before.metadata?.[field] ?? '', metadata[field] ?? ''];
    if (had !== has) throw new Error(`must have the same ${what}: ${had} != ${typeof has === 'string' ? has : JSON.stringify(has)}`);
  }
  const kept: Json = copy({ ...before.metadata });
  for (const field of ['labels', 'annotations'] as const) {
    const value = metadata[field];
    if (value == null) delete kept[field];
    else if (isRecord(value) && Object.values(value).every((v) => typeof v === 'string')) kept[field] = value;
    else throw new Error(`metadata.${field} must be strings by name in converted object`);
  }
  return { ...after, metadata: kept };
}
