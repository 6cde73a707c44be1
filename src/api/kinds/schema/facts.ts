/**
 * What the protobuf tables do not say of Kubernetes' own messages. Messages go by their short names (`core.v1.Container`),
 * fields by `message.field`.
 */
import { type FieldFacts, type MessageFacts, messageFacts } from './fields.edge.ts';

/** Fields whose message is spread into its parent in JSON, with the name of that message. */
const EMBEDDED: Readonly<Record<string, string>> = {
  deviceConfiguration: 'DeviceConfiguration',
  ephemeralContainerCommon: 'EphemeralContainerCommon',
  handler: 'ProbeHandler',
  ingressRuleValue: 'IngressRuleValue',
  localObjectReference: 'LocalObjectReference',
  persistentVolumeSource: 'PersistentVolumeSource',
  rule: 'Rule',
  ruleWithOperations: 'RuleWithOperations',
  volumeSource: 'VolumeSource',
};

/** True for a field whose message is spread into its parent in JSON. */
export function isEmbedded(field: string, type: string): boolean {
  return EMBEDDED[field] !== undefined && type.endsWith(`.${EMBEDDED[field]}`);
}

const RENAMED: Readonly<Record<string, string>> = {
  Expression: 'expression',
  Name: 'name',
  Webhooks: 'webhooks',
  aPIGroup: 'apiGroup',
  uID: 'uid',
};

/** The name in JSON of a field of the protobuf table. */
export function jsonName(field: string): string {
  return RENAMED[field] ?? field;
}

/** Versions no longer served by the real server: their messages are as the ones of the same name in these. */
const LIKE: Readonly<Record<string, readonly string[]>> = {
  'apps.v1beta1': ['apps.v1', 'autoscaling.v1'],
  'apps.v1beta2': ['apps.v1', 'autoscaling.v1'],
  'extensions.v1beta1': ['apps.v1', 'networking.v1', 'autoscaling.v1'],
};

const NOTHING: MessageFacts = {};

/** `core.v1.Pod` of `k8s.io.api.core.v1.Pod`. */
export function shortName(message: string): string {
  return message.split('.').slice(-3).join('.');
}

/** For a message of an old version, by short name: those of the same name in the versions that followed it. */
export function sameInOthers(message: string): string[] {
  const [group, version, name] = message.split('.');
  const old = version !== 'v1' && version !== 'v2';
  const like = LIKE[`${group}.${version}`] ?? (old ? [`${group}.v1`, `${group}.v2`] : []);
  return like.map((of) => `${of}.${name}`);
}

/** What is known of a message beyond its fields. What an old version demanded is not known; it demands nothing. */
export function factsOf(message: string): MessageFacts {
  const facts = messageFacts();
  const own = facts[message];
  if (own) return own;
  const found = sameInOthers(message)
    .map((other) => facts[other])
    .find((f) => f !== undefined);
  if (!found) return NOTHING;
  const { required: _required, ...rest } = found;
  return rest;
}

export type { FieldFacts };
