import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expressionProblem } from './expression.ts';

test('expressions that proxies can compile, and those that they cannot', () => {
  const cases: [string, RegExp | undefined][] = [
    ['response.code >= 400 && request.url_path.startsWith("/api")', undefined],
    ['"x-a" in request.headers ? request.headers["x-a"] : "none"', undefined],
    ['has(request.headers.host) || connection.mtls', undefined],
    ['int(response.code) % 100 == 4', undefined],
    ['response.code >', /^1:16: Syntax error/],
    ['respons.code == 200', /undeclared reference to 'respons'/],
    ['request.headers.exists(h, h == "a")', /no function exists/],
    ['"A".lowerAscii() == "a"', /no function lowerAscii/],
    ['request.?host == "a"', /no optional fields/],
    ['"a.?b" == "a"', undefined],
    ['x'.repeat(5000), /longer than 4096/],
  ];
  for (const [expression, expected] of cases) {
    const problem = expressionProblem(expression);
    if (expected) assert.match(problem ?? 'none', expected, expression);
    else assert.equal(problem, undefined, expression);
  }
});
