/** charts/sluice as helm takes it, held to the code: the kinds, the rules, the flags. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import { LEASE_RULE, rulesFor, type Rule } from '../../src/app/access.ts';
import { parseYaml } from '../../src/base/index.ts';
import { runCommand } from '../../src/cli/commands/run.edge.ts';
import { chartDefinitions } from '../../tools/chart.ts';
import { toolWith } from '../support/kubectl.ts';

const CHART = fileURLToPath(new URL('../../charts/sluice', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'sluice-chart-'));
after(() => rmSync(home, { recursive: true, force: true }));
const helm = toolWith('helm', home, join(home, 'none'));

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Partial<Rule>[];
  readonly spec?: Deployment['spec'];
}

async function render(...set: string[]): Promise<Rendered[]> {
  const values = ['image.repository=example.com/sluice', ...set].flatMap((s) => ['--set', s]);
  const { code, stdout, stderr } = await helm.run(['template', 'sluice', CHART, '-n', 'home', ...values]);
  assert.equal(code, 0, stderr);
  return parseYaml(stdout) as Rendered[];
}

function only(objects: readonly Rendered[], kind: string, name = 'sluice'): Rendered {
  const found = objects.filter((o) => o.kind === kind && o.metadata.name === name);
  assert.equal(found.length, 1, `${kind} ${name}`);
  return found[0]!;
}

/** One line a verb, in order. */
const flat = (rules: readonly Partial<Rule>[]): string[] =>
  rules
    .flatMap((r) =>
      (r.apiGroups ?? []).flatMap((g) => (r.resources ?? []).flatMap((what) => (r.verbs ?? []).map((v) => `${g}/${what} ${v}`))),
    )
    .toSorted();

test('the chart is clean, and says what is missing', async () => {
  const lint = await helm.run(['lint', '--strict', CHART, '--set', 'image.repository=x']);
  assert.equal(lint.code, 0, lint.stdout);
  const bare = await helm.run(['template', 'sluice', CHART]);
  assert.equal(bare.code, 1);
  assert.match(bare.stderr, /image\.repository is empty: build the image from charts\/Containerfile/);
});

test('the definitions in the chart are those of the code (node tools/chart.ts writes them)', () => {
  const wanted = chartDefinitions();
  const dir = join(CHART, 'crds');
  assert.deepEqual(readdirSync(dir).toSorted(), [...wanted.keys()].toSorted());
  for (const [name, text] of wanted) assert.equal(readFileSync(join(dir, name), 'utf8'), text, name);
});

for (const provider of ['istio', 'gatewayapi:v1', 'gatewayapi:v1beta1', 'nginx', 'kubernetes'])
  test(`the rules of the role are just those that the code names: ${provider}`, async () => {
    const objects = await render(`meshProvider=${provider}`);
    assert.deepEqual(flat(only(objects, 'ClusterRole').rules ?? []), flat(rulesFor(provider)));
    assert.deepEqual(flat(only(objects, 'Role', 'sluice-lease').rules ?? []), flat([LEASE_RULE]));
  });

test('for one namespace a Role there is enough', async () => {
  const objects = await render('namespace=apps', 'rbac.providers={nginx}');
  assert.equal(objects.filter((o) => o.kind.startsWith('Cluster')).length, 0);
  const role = only(objects, 'Role');
  assert.equal(role.metadata?.namespace, 'apps');
  assert.deepEqual(flat(role.rules ?? []), [...new Set([...flat(rulesFor('istio')), ...flat(rulesFor('nginx'))])].toSorted());
  assert.equal(only(objects, 'RoleBinding').metadata.namespace, 'apps');
});

test('the pods are given flags that there are, and may little', async () => {
  const objects = await render('namespace=apps', 'selectorLabels=app\\,tier', 'metricsServer=http://p:9090');
  const spec = only(objects, 'Deployment').spec!;
  assert.equal(spec.replicas, 2);
  const [container] = spec.template.spec!.containers;
  assert.equal(container?.image, 'example.com/sluice:0.1.0');
  const [command, ...args] = container?.args ?? [];
  assert.equal(command, 'run');
  assert.ok(
    args.includes('--namespace=apps') && args.includes('--selector-labels=app,tier') && args.includes('--metrics-server=http://p:9090'),
  );
  const known = new Set(runCommand.flags.flatMap(({ usage }) => /--[a-z-]+/.exec(usage) ?? []));
  for (const arg of args) assert.ok(known.has(arg.replace(/=.*/, '')), arg);
  assert.equal(container?.securityContext?.readOnlyRootFilesystem, true);
  assert.equal(spec.template.spec!.serviceAccountName, 'sluice');
  assert.equal(spec.template.metadata?.annotations?.['prometheus.io/port'], '8080');
});
