import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { parseYaml } from '../base/index.ts';
import { injectorConfigMap } from './inject-template.ts';
import { injectSidecar } from './inject.ts';

test('the template has the container and the labels that injection adds', () => {
  const [config] = parseYaml(injectorConfigMap().data!['config']!) as [{ templates: { sidecar: string } }];
  const [template] = parseYaml(config.templates.sidecar.replaceAll(/\{\{.*\}\}/g, 'x')) as [Pod];
  const injected = injectSidecar(
    { metadata: { name: 'a', namespace: 'default' }, spec: { containers: [] } },
    { 'istio-injection': 'enabled' },
  );
  assert.deepEqual(template.spec, injected.spec);
  assert.deepEqual(Object.keys(template.metadata!.labels!), Object.keys(injected.metadata!.labels!));
});
