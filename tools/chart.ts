/** What charts/sluice takes from the code: its CustomResourceDefinitions. `node tools/chart.ts` writes them anew; a test holds them to the code. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCatalog } from '../src/api/index.ts';
import { toYaml } from '../src/base/index.ts';

const CRDS = fileURLToPath(new URL('../charts/sluice/crds', import.meta.url));

/** File name -> text. Of each kind the one version that needs no conversion; a release that is taken down leaves users' objects alone. */
export function chartDefinitions(): Map<string, string> {
  const files = new Map<string, string>();
  for (const { resource, definition } of createCatalog().all()) {
    if (resource.group !== 'flagger.app' || !definition) continue;
    const { apiVersion, kind, metadata, spec } = definition();
    const annotations = { ...metadata?.annotations, 'helm.sh/resource-policy': 'keep' };
    const versions = spec.versions.filter((version) => version.storage);
    const crd = { apiVersion, kind, metadata: { ...metadata, annotations }, spec: { ...spec, versions } };
    files.set(`${resource.plural}.yaml`, toYaml(JSON.parse(JSON.stringify(crd))));
  }
  return files;
}

if (import.meta.main) for (const [name, text] of chartDefinitions()) writeFileSync(join(CRDS, name), text);
