/** What the ConfigMap `istio` of the root namespace says for the whole mesh. */
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { parseYaml } from '../base/index.ts';
import { authorizersIn } from './authorizer.ts';
import { memo } from './memo.ts';
import type { MeshConfig } from './snapshot.ts';

interface Written {
  readonly outboundTrafficPolicy?: { readonly mode?: unknown };
  readonly extensionProviders?: unknown;
}

/** The settings, with those of the ConfigMap before them. A text that cannot be read says nothing. */
export const meshConfigOf = memo((config: MeshConfig, map: ConfigMap | undefined): MeshConfig => {
  const { outboundTrafficPolicy, extensionProviders } = read(map?.data?.['mesh']);
  const mode = outboundTrafficPolicy?.mode;
  const authorizers = authorizersIn(extensionProviders);
  const said: Partial<MeshConfig> = {
    ...(mode === 'ALLOW_ANY' || mode === 'REGISTRY_ONLY' ? { outboundTrafficPolicy: mode } : {}),
    ...(authorizers.length ? { authorizers } : {}),
  };
  return Object.keys(said).length ? { ...config, ...said } : config;
});

function read(text: string | undefined): Written {
  if (!text) return {};
  try {
    const [first] = parseYaml(text, 'mesh');
    return first ?? {};
  } catch {
    return {};
  }
}
