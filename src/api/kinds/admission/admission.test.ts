import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AnyObject, createCatalog } from '../../index.ts';
import { MINIMAL } from '../minimal.fixture.ts';

const catalog = createCatalog();

/** The causes that a minimal object has when `change` is merged into its first webhook, or into its spec. */
function wrong(plural: string, change: object): string[] {
  const { def } = catalog.find('admissionregistration.k8s.io', 'v1', plural)!;
  const object = { metadata: { name: 'a' }, ...structuredClone(MINIMAL[plural]!) } as AnyObject;
  Object.assign(object['spec'] ?? (object['webhooks'] as object[])[0]!, structuredClone(change));
  def.default?.(object);
  return def.validate!(object, undefined).map(({ field, message }) => `${field}: ${message}`);
}

const rule = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] };
const rules = (more: object): object => ({ rules: [{ ...rule, ...more }] });
const client = (clientConfig: object): object => ({ clientConfig });
const service = (more: object): object => client({ service: { namespace: 'n', name: 's', ...more } });
const AT = 'webhooks[0]';

for (const [change, ...expected] of [
  [{}],
  [{ name: 'a.b' }, `${AT}.name: Invalid value: "a.b": should be a domain with at least three segments separated by dots`],
  [{ name: '' }, `${AT}.name: Required value`],
  [rules({ operations: [] }), `${AT}.rules[0].operations: Required value`],
  [
    rules({ operations: ['GET'] }),
    `${AT}.rules[0].operations[0]: Unsupported value: "GET": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"`,
  ],
  [
    rules({ operations: ['*', 'CREATE'] }),
    `${AT}.rules[0].operations: Invalid value: ["*","CREATE"]: if '*' is present, must not specify other operations`,
  ],
  [rules({ apiGroups: undefined }), `${AT}.rules[0].apiGroups: Required value`],
  [rules({ apiVersions: [''] }), `${AT}.rules[0].apiVersions[0]: Required value`],
  [rules({ resources: ['pods', 'pods/*', 'deployments/*', '*/scale'] })],
  [
    rules({ resources: ['pods/*', 'pods/status'] }),
    `${AT}.rules[0].resources[1]: Invalid value: "pods/status": if 'pods/*' is present, must not specify pods/status`,
  ],
  [
    rules({ resources: ['*/*', 'pods'] }),
    `${AT}.rules[0].resources: Invalid value: ["*/*","pods"]: if '*/*' is present, must not specify other resources`,
  ],
  [
    rules({ resources: ['*', 'pods'] }),
    `${AT}.rules[0].resources: Invalid value: ["*","pods"]: if '*' is present, must not specify other resources without subresources`,
  ],
  [rules({ scope: 'All' }), `${AT}.rules[0].scope: Unsupported value: "All": supported values: "*", "Cluster", "Namespaced"`],
  [{ sideEffects: undefined }, `${AT}.sideEffects: Required value: must specify one of None, NoneOnDryRun`],
  [{ sideEffects: 'Some' }, `${AT}.sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"`],
  [{ timeoutSeconds: 31 }, `${AT}.timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds`],
  [{ timeoutSeconds: 0 }, `${AT}.timeoutSeconds: Invalid value: 0: the timeout value must be between 1 and 30 seconds`],
  [client({}), `${AT}.clientConfig: Required value: exactly one of url or service is required`],
  [
    client({ url: 'http://a/b' }),
    `${AT}.clientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]`,
  ],
  [client({ url: 'https://a/b?c=d' }), `${AT}.clientConfig.url: Invalid value: "c=d": query parameters are not permitted in the URL`],
  [service({ path: '/a/b/' })],
  [service({ path: '/a//b' }), `${AT}.clientConfig.service.path: Invalid value: "/a//b": segment[1] may not be empty`],
  [service({ port: 0 }), `${AT}.clientConfig.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive`],
  [{ admissionReviewVersions: [] }, `${AT}.admissionReviewVersions: Required value: must specify one of v1, v1beta1`],
  [{ admissionReviewVersions: ['v2'] }, `${AT}.admissionReviewVersions: Invalid value: ["v2"]: must include at least one of v1, v1beta1`],
  [{ matchConditions: [{ name: 'a' }] }, `${AT}.matchConditions[0].expression: Required value`],
  [{ matchConditions: [{ name: 'a', expression: 'object.metadata.name == request.name' }] }],
  [
    { matchConditions: [{ name: 'a', expression: 'objekt' }] },
    `${AT}.matchConditions[0].expression: Invalid value: "objekt": compilation failed: ERROR: <input>:1:1: undeclared reference to 'objekt' (in container '')\n | objekt\n | ^`,
  ],
  [
    { matchConditions: [{ name: 'a', expression: '1' }] },
    `${AT}.matchConditions[0].expression: Invalid value: "1": must evaluate to bool but got int`,
  ],
  [{ failurePolicy: 'Maybe' }, `${AT}.failurePolicy: Unsupported value: "Maybe": supported values: "Fail", "Ignore"`],
] as const) {
  test(`a webhook with ${JSON.stringify(change)}`, () => {
    assert.deepEqual(wrong('mutatingwebhookconfigurations', change), expected);
    assert.deepEqual(wrong('validatingwebhookconfigurations', change), expected);
  });
}

for (const [plural, change, ...expected] of [
  ['validatingadmissionpolicies', { matchConstraints: undefined }, 'spec.matchConstraints: Required value'],
  ['validatingadmissionpolicies', { matchConstraints: { resourceRules: [] } }, 'spec.matchConstraints.resourceRules: Required value'],
  [
    'validatingadmissionpolicies',
    { variables: [{ name: 'a-b', expression: '1' }] },
    'spec.variables[0].name: Invalid value: "a-b": must be a valid CEL identifier',
  ],
  [
    'validatingadmissionpolicies',
    { validations: [{ expression: ' ' }] },
    'spec.validations[0].expression: Required value: expression is not specified',
  ],
  ['validatingadmissionpolicybindings', { policyName: '' }, 'spec.policyName: Required value'],
  [
    'validatingadmissionpolicybindings',
    { validationActions: [] },
    'spec.validationActions: Required value: at least one validation action is required',
  ],
  ['validatingadmissionpolicybindings', { paramRef: { name: 'a' } }, 'spec.paramRef.parameterNotFoundAction: Required value'],
] as const) {
  test(`${plural} with ${JSON.stringify(change)}`, () => assert.deepEqual(wrong(plural, change), expected));
}

test('a webhook gets what the real server gives it', () => {
  const { def } = catalog.find('admissionregistration.k8s.io', 'v1', 'mutatingwebhookconfigurations')!;
  const object = { metadata: { name: 'a' }, ...structuredClone(MINIMAL['mutatingwebhookconfigurations']!) } as AnyObject;
  def.default!(object);
  const [hook] = object['webhooks'] as Record<string, unknown>[];
  const { failurePolicy, matchPolicy, namespaceSelector, objectSelector, timeoutSeconds, reinvocationPolicy } = hook!;
  assert.deepEqual(
    [failurePolicy, matchPolicy, namespaceSelector, objectSelector, timeoutSeconds, reinvocationPolicy],
    ['Fail', 'Equivalent', {}, {}, 10, 'Never'],
  );
  assert.deepEqual(
    [hook!['clientConfig'], (hook!['rules'] as { scope: string }[])[0]!.scope],
    [{ service: { namespace: 'default', name: 'a', port: 443 } }, '*'],
  );
});
