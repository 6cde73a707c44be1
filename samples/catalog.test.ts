import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtinApp } from './catalog.ts';

const appOf = (image: string): string | undefined => {
  const found = builtinApp(image);
  return found && ('error' in found ? found.error : found.app);
};

test('image names stand for sample apps, wherever they come from', () => {
  const table: [string, string | undefined][] = [
    ['docker.io/istio/examples-bookinfo-reviews-v2:1.20.3', 'bookinfo reviews v2'],
    ['registry.example:5000/release/examples-bookinfo-ratings-v-faulty:1.20.3', 'bookinfo ratings v-faulty'],
    ['ghcr.io/stefanprodan/podinfo:6.14.1', 'podinfo'],
    ['stefanprodan/podinfo:error', 'podinfo'],
    ['podinfo', 'podinfo'],
    ['podinfo:nonsense', 'the built-in image podinfo has no tag nonsense: use a release such as 6.14.1, or error (a version that fails)'],
    ['docker.io/mccutchen/go-httpbin:v2.15.0', 'httpbin'],
    ['curlimages/curl:8.16.0', 'curl'],
    ['ghcr.io/fluxcd/flagger-loadtester:0.36.0', 'load tester'],
    ['nginx:1.27', undefined],
    ['', undefined],
  ];
  for (const [image, want] of table) assert.equal(appOf(image), want, image);
});

test('the tag sets the version that podinfo shows', () => {
  const found = builtinApp('podinfo:6.1.2');
  assert.ok(found && !('error' in found));
  assert.equal(found.env.SERVICE_VERSION, '6.1.2');
});
