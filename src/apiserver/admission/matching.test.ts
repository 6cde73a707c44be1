import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCatalog, type AdmissionRule } from '../../api/index.ts';
import type { AdmissionRequest, Operation } from './admission.ts';
import { matcherOf, type Matched } from './matching.ts';

const catalog = createCatalog();
const LABELS: Record<string, Record<string, string>> = { shop: { team: 'a' }, bare: {} };

/** `CREATE apps/v1/deployments/scale shop` */
function requestOf(text: string, labels: Record<string, string> = {}, old?: Record<string, string>): AdmissionRequest {
  const [operation, path = '', namespace] = text.split(' ');
  const [group = '', version = '', plural = '', subresource] = path.split('/');
  const served = catalog.find(group, version, plural)!;
  return {
    operation: operation as Operation,
    def: served.def,
    served,
    namespace,
    name: 'x',
    subresource,
    object: { metadata: { name: 'x', labels } },
    oldObject: old && { metadata: { name: 'x', labels: old } },
    user: { name: 'u', groups: [] },
    dryRun: false,
    query: {},
    warn() {},
  };
}

const all: AdmissionRule = { operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'] };
const match = (matched: Partial<Matched>, request: AdmissionRequest): string | undefined => {
  const found = matcherOf({ rules: [all], ...matched }).match(request, (name) => LABELS[name]);
  return found && `${found.group}/${found.version}`;
};

for (const [rule, request, expected] of [
  [{}, 'CREATE /v1/pods shop', '/v1'],
  [{}, 'CREATE /v1/pods/status shop', undefined],
  [{ resources: ['*/*'] }, 'UPDATE /v1/pods/status shop', '/v1'],
  [{ resources: ['*/*'] }, 'UPDATE /v1/pods shop', '/v1'],
  [{ resources: ['*/scale'] }, 'UPDATE apps/v1/deployments/scale shop', 'apps/v1'],
  [{ resources: ['*/scale'] }, 'UPDATE apps/v1/deployments shop', undefined],
  [{ resources: ['pods/*'] }, 'CREATE /v1/pods shop', '/v1'],
  [{ resources: ['pods/exec'] }, 'CONNECT /v1/pods/exec shop', '/v1'],
  [{ resources: ['services'] }, 'CREATE /v1/pods shop', undefined],
  [{ operations: ['UPDATE', 'DELETE'] }, 'DELETE /v1/pods shop', '/v1'],
  [{ operations: ['UPDATE'] }, 'CREATE /v1/pods shop', undefined],
  [{ apiGroups: [''] }, 'CREATE apps/v1/deployments shop', undefined],
  [{ scope: 'Cluster' }, 'CREATE /v1/pods shop', undefined],
  [{ scope: 'Cluster' }, 'CREATE /v1/namespaces', '/v1'],
  [{ scope: 'Namespaced' }, 'CREATE /v1/namespaces', undefined],
  [{ resourceNames: ['x'] }, 'UPDATE /v1/pods shop', '/v1'],
  [{ resourceNames: ['y'] }, 'UPDATE /v1/pods shop', undefined],
  [{}, 'CREATE admissionregistration.k8s.io/v1/validatingwebhookconfigurations', undefined],
  // A version that is not named is taken for one that is.
  [
    { apiVersions: ['v2'], resources: ['horizontalpodautoscalers'] },
    'CREATE autoscaling/v1/horizontalpodautoscalers shop',
    'autoscaling/v2',
  ],
  [
    { apiVersions: ['v1'], resources: ['horizontalpodautoscalers'] },
    'CREATE autoscaling/v1/horizontalpodautoscalers shop',
    'autoscaling/v1',
  ],
] as const) {
  test(`${request} for ${JSON.stringify(rule)}`, () => {
    const rules = [{ ...all, ...rule }];
    assert.equal(match({ rules }, requestOf(request)), expected);
    if (expected) assert.ok(matcherOf({ rules }).concerns(requestOf(request).def));
  });
}

test('matched exactly, another version does not count', () => {
  const rules = [{ ...all, apiVersions: ['v2'] }];
  const request = requestOf('CREATE autoscaling/v1/horizontalpodautoscalers shop');
  assert.equal(match({ rules, matchPolicy: 'Exact' }, request), undefined);
  assert.equal(match({ rules, matchPolicy: 'Equivalent' }, request), 'autoscaling/v2');
});

test('namespaces are chosen by their labels, their own objects too; what is in none always is', () => {
  const namespaceSelector = { matchLabels: { team: 'a' } };
  for (const [request, expected] of [
    [requestOf('CREATE /v1/pods shop'), '/v1'],
    [requestOf('CREATE /v1/pods bare'), undefined],
    [requestOf('CREATE /v1/pods unknown'), undefined],
    [requestOf('CREATE /v1/nodes'), '/v1'],
    [requestOf('CREATE /v1/namespaces', { team: 'a' }), '/v1'],
    [requestOf('CREATE /v1/namespaces', { team: 'b' }), undefined],
  ] as const) {
    assert.equal(match({ namespaceSelector }, request), expected);
  }
});

test('objects are chosen by the labels that they have or had', () => {
  const objectSelector = { matchExpressions: [{ key: 'mine', operator: 'Exists' }] };
  for (const [request, expected] of [
    [requestOf('CREATE /v1/pods shop', { mine: '' }), '/v1'],
    [requestOf('CREATE /v1/pods shop'), undefined],
    [requestOf('UPDATE /v1/pods shop', {}, { mine: '' }), '/v1'],
    [requestOf('CONNECT /v1/pods/exec shop', { mine: '' }), undefined],
  ] as const) {
    assert.equal(match({ objectSelector, rules: [{ ...all, resources: ['*/*'] }] }, request), expected);
  }
});

test('kinds that no rule names are not looked at', () => {
  const { concerns } = matcherOf({ rules: [{ ...all, apiGroups: ['apps'], resources: ['deployments/scale'] }] });
  assert.equal(concerns(requestOf('CREATE apps/v1/deployments shop').def), true);
  assert.equal(concerns(requestOf('CREATE /v1/pods shop').def), false);
});
