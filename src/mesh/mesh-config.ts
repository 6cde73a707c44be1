/** What the ConfigMap `istio` of the root namespace says for the whole mesh. */
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { parseYaml } from '../base/index.ts';
import { authorizersIn } from './authorizer.ts';
import { fieldsOf, type Fields } from './fields.ts';
import { memo } from './memo.ts';
import { settingsIn } from './proxy-settings.ts';
import { reportProvidersIn } from './report-providers.ts';
import type { MeshConfig } from './snapshot.ts';

/** The settings, with those of the ConfigMap before them. A text that cannot be read says nothing. */
export const meshConfigOf = memo((config: MeshConfig, map: ConfigMap | undefined): MeshConfig => {
  const written = read(map?.data?.['mesh']);
  const { mode } = fieldsOf(written['outboundTrafficPolicy']);
  const authorizers = authorizersIn(written['extensionProviders']);
  const said: Partial<MeshConfig> = {
    ...(mode === 'ALLOW_ANY' || mode === 'REGISTRY_ONLY' ? { outboundTrafficPolicy: mode } : {}),
    ...(authorizers.length ? { authorizers } : {}),
    ...(Object.keys(written).length
      ? { reports: reportProvidersIn(written), proxies: settingsIn(fieldsOf(written['defaultConfig'])) }
      : {}),
  };
  return Object.keys(said).length ? { ...config, ...said } : config;
});

function read(text: string | undefined): Fields {
  if (!text) return {};
  try {
    const [first] = parseYaml(text, 'mesh');
    return fieldsOf(first);
  } catch {
    return {};
  }
}
