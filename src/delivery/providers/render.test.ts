import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderQuery } from './render.ts';

const blanks = {
  name: 'web',
  namespace: 'shop',
  target: 'web-app',
  service: 'web-svc',
  ingress: 'web-ing',
  route: 'web-app',
  interval: '1m',
  variables: { code: '5..', 'with-dash': 'x' },
};

test('a query is filled in as by a Go template', () => {
  const cases: [string, string][] = [
    ['rate(x{ns="{{ namespace }}",w=~"{{target}}"}[{{ interval }}])', 'rate(x{ns="shop",w=~"web-app"}[1m])'],
    ['{{ name }}/{{ service }}/{{ ingress }}/{{ route }}', 'web/web-svc/web-ing/web-app'],
    ['code=~"{{ variables.code }}"', 'code=~"5.."'],
    ['{{ index variables "with-dash" }}{{ index variables `code` }}', 'x5..'],
    ['a  {{- target -}}\n  b', 'aweb-appb'],
    ['a {{ target -}}  b', 'a web-appb'],
    ['a {{/* why */}}b', 'a b'],
    ['sum(rate({a="b"}[1m]))', 'sum(rate({a="b"}[1m]))'],
  ];
  for (const [query, want] of cases) assert.equal(renderQuery(query, blanks), want, query);
});

test('what cannot be filled in says what can', () => {
  assert.throws(() => renderQuery('{{ variables.nope }}', blanks), {
    message: "variable nope is not set: add it to templateVariables of the Canary's metric",
  });
  assert.throws(() => renderQuery('{{ .Name }}', blanks), {
    message: /^\{\{ \.Name \}\} is not known: use one of name, namespace, target, service, ingress, route, interval, variables\.<name>$/,
  });
  assert.throws(() => renderQuery('{{ toString }}', blanks), { message: /is not known/ });
});
