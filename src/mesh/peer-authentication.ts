import type { MutualTlsMode, PeerAuthentication } from '../api/index.ts';
import { byAge } from './age.ts';
import { selects } from './workload.ts';

export type EffectiveMode = Exclude<MutualTlsMode, 'UNSET'>;

/** What a workload accepts, port by port (container ports). */
export interface MutualTls {
  /** `PERMISSIVE STRICT:8080`: equal texts mean equal policies. */
  readonly text: string;
  /** Those that said so. */
  readonly policies: readonly PeerAuthentication[];
  ofPort(port: number): EffectiveMode;
}

/** Mode of a workload: mesh-wide, then its namespace, then itself, then the port; at each level the oldest policy counts. */
export class PeerAuthentications {
  readonly #sorted: readonly PeerAuthentication[];
  readonly #root: string;

  constructor(policies: Iterable<PeerAuthentication>, rootNamespace: string) {
    this.#sorted = [...policies].sort(byAge);
    this.#root = rootNamespace;
  }

  of(namespace: string, labels: Readonly<Record<string, string>>): MutualTls {
    const wide = (ns: string) => this.#sorted.find((p) => p.metadata?.namespace === ns && !hasSelector(p));
    const own = this.#sorted.find(
      (p) =>
        namespace !== this.#root && p.metadata?.namespace === namespace && hasSelector(p) && selects(p.spec.selector?.matchLabels, labels),
    );
    const levels = [own, wide(namespace), wide(this.#root)];
    const decides = levels.find((p) => said(p) !== undefined);
    const mode = said(decides) ?? 'PERMISSIVE';
    const ports = new Map<number, EffectiveMode>();
    for (const [port, { mode: m }] of Object.entries(own?.spec.portLevelMtls ?? {})) if (m && m !== 'UNSET') ports.set(Number(port), m);
    const text = [mode, ...[...ports].sort((a, b) => a[0] - b[0]).map(([p, m]) => `${m}:${p}`)].join(' ');
    const policies = [...new Set([own, decides])].filter((p) => p !== undefined);
    return { text, policies, ofPort: (port) => ports.get(port) ?? mode };
  }
}

function hasSelector(p: PeerAuthentication): boolean {
  return Object.keys(p.spec?.selector?.matchLabels ?? {}).length > 0;
}

function said(p: PeerAuthentication | undefined): EffectiveMode | undefined {
  const mode = p?.spec?.mtls?.mode;
  return mode === 'UNSET' ? undefined : mode;
}
