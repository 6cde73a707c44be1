import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labelSelectorOf, labelSelectorText, parseFieldSelector, parseLabelSelector } from './selector.ts';
import { isApiError } from './status.ts';

const web = { app: 'web', tier: 'a', 'example.com/n': '5' };

for (const [text, matches] of [
  ['', true],
  ['app=web', true],
  ['app==web,tier!=b', true],
  ['app=db', false],
  ['missing!=x', true],
  ['missing=', false],
  ['tier in (a,b)', true],
  ['tier in (b, c)', false],
  ['tier notin (b),app', true],
  ['old notin (b)', true],
  ['!old', true],
  ['!app', false],
  ['example.com/n>4,example.com/n<6', true],
  ['example.com/n>5', false],
  ['constructor', false],
] as const) {
  test(`label selector "${text}" ${matches ? 'takes' : 'leaves'} it`, () => {
    const selector = parseLabelSelector(text);
    assert.equal(selector.matches(web), matches);
    assert.equal(parseLabelSelector(labelSelectorText(selector)).matches(web), matches);
  });
}

test('nonsense is a bad request', () => {
  for (const text of ['app=a=b', 'tier in a', 'a b', '(x)', '=x']) {
    assert.throws(
      () => parseLabelSelector(text),
      (e) => isApiError(e, 'BadRequest'),
      text,
    );
  }
  assert.throws(
    () => parseFieldSelector('metadata.name'),
    (e) => isApiError(e, 'BadRequest'),
  );
});

test('selectors in objects: absent takes nothing, empty all', () => {
  assert.equal(labelSelectorOf(undefined).matches(web), false);
  assert.equal(labelSelectorOf({}).matches(web), true);
  assert.equal(
    labelSelectorOf({ matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['b'] }] }).matches(web),
    true,
  );
  assert.equal(labelSelectorOf({ matchExpressions: [{ key: 'old', operator: 'Exists' }] }).matches(web), false);
  assert.equal(labelSelectorOf({ matchExpressions: [{ key: 'app', operator: 'Like', values: ['web'] }] }).matches(web), false);
});

for (const [text, matches] of [
  ['metadata.name=web', true],
  ['metadata.name!=web', false],
  ['spec.nodeName=', true],
  ['spec.unschedulable=false', true],
  ['status.phase=Running,metadata.namespace==default', true],
  ['metadata.annotations.x=a\\,b', true],
] as const) {
  test(`field selector "${text}" ${matches ? 'takes' : 'leaves'} it`, () => {
    const object = { metadata: { name: 'web', namespace: 'default', annotations: { x: 'a,b' } }, status: { phase: 'Running' } };
    assert.equal(parseFieldSelector(text).matches(object), matches);
  });
}
