/** What is asked of a release by the API: `POST .../canaries/<name>/promote`, and what is told of one: `GET .../canaries/<name>/why`. */
import type { Subresource } from '../../kind.ts';
import type { ObjectMeta, Resource } from '../../object.ts';
import { Canaries } from '../../resources.ts';
import type { Causes } from '../check.ts';
import { define } from '../define.ts';
import { OBJECT_FIELDS, objectMetaSchema } from '../schema/builtin.ts';
import { ACCOUNTS, COMMANDS } from './control.ts';

/** The body of a command, and its answer. */
export interface CanaryRequestObject {
  apiVersion?: string;
  kind?: 'CanaryRequest';
  metadata?: ObjectMeta;
  spec?: {
    /** Of `set-weight`: percent. */
    weight?: number;
  };
  status?: {
    /** What became of it. */
    message: string;
  };
}

const { group, version } = Canaries;
const resource: Resource<CanaryRequestObject> = { group, version, kind: 'CanaryRequest', plural: 'canaryrequests', namespaced: true };

/** A kind, yet no collection. */
export const canaryRequests = define<CanaryRequestObject>({
  resource,
  schema: () => ({
    type: 'object',
    properties: {
      ...OBJECT_FIELDS,
      metadata: objectMetaSchema(),
      spec: { type: 'object', properties: { weight: { type: 'integer' } } },
      status: { type: 'object', properties: { message: { type: 'string' } } },
    },
  }),
  verbs: ['create'],
  custom: true,
  check: checkRequest,
});

function checkRequest(causes: Causes, { spec }: CanaryRequestObject, _old: unknown, command: string | undefined): void {
  const at = 'spec.weight';
  const { weight } = spec ?? {};
  if (command !== 'set-weight') {
    if (weight !== undefined) causes.forbidden(at, 'only set-weight takes a weight');
  } else if (weight === undefined) causes.required(at, 'the share of requests that the canary gets, from 0 to 100');
  else if (weight < 0 || weight > 100) causes.invalid(at, weight, 'must be between 0 and 100, inclusive');
}

/** The parts of a Canary besides its status, as discovery lists them. */
export const canaryParts: readonly Subresource[] = [
  ...COMMANDS.map((name) => ({ name, group, version, kind: resource.kind, verbs: ['create'], bodyOptional: true })),
  ...ACCOUNTS.map((name) => ({ name, group, version, kind: name === 'why' ? 'CanaryWhy' : 'CanaryHistory', verbs: ['get'] })),
];
