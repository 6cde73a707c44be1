/** Matches of VirtualServices that never hold. */
import { keyOf, type HTTPMatchRequest, type VirtualService } from '../api/index.ts';
import { canonicalJson } from '../base/index.ts';
import type { Problem } from './problem.ts';
import type { Snapshot } from './snapshot.ts';
import { gatewayName, MESH } from './virtual-service.ts';
import { selects } from './workload.ts';

function problem(o: VirtualService, severity: Problem['severity'], code: string, path: string, message: string, fix: string): Problem {
  return { object: { kind: 'VirtualService', ...keyOf(o) }, severity, code, path, message, fix };
}

/** Matches of which every request is taken by one before. */
export function ineffectiveMatches(o: VirtualService): Problem[] {
  const before: { readonly match: HTTPMatchRequest; readonly path: string }[] = [];
  return (o.spec?.http ?? []).flatMap(({ match = [], delegate }, i) =>
    match.flatMap((m, j): Problem[] => {
      const path = `spec.http[${i}].match[${j}]`;
      const taken = before.find((b) => takes(b.match, m));
      // What is delegated may come back.
      if (!delegate) before.push({ match: m, path });
      return taken
        ? [
            problem(
              o,
              'info',
              'IST0131',
              path,
              `never holds: ${taken.path} takes every request of it.`,
              'Put it before that one, or delete it.',
            ),
          ]
        : [];
    }),
  );
}

/** Whether all that the second match holds for is held for by the first. */
function takes({ name: _first, uri, ...rest }: HTTPMatchRequest, { name: _second, uri: other, ...more }: HTTPMatchRequest): boolean {
  const fields = Object.entries(rest) as [string, unknown][];
  // A match without conditions makes the rule one that takes everything.
  if (!uri && !fields.length) return false;
  const path = other?.prefix ?? other?.exact;
  const reaches = uri?.prefix !== undefined && path?.startsWith(uri.prefix);
  if (uri && !reaches && canonicalJson(uri) !== canonicalJson(other ?? {})) return false;
  return fields.every(([key, value]) => {
    const own = (more as Record<string, unknown>)[key];
    if (!isMap(value) || !isMap(own) || key === 'withoutHeaders') return canonicalJson(value) === canonicalJson(own ?? null);
    return Object.entries(value).every(([k, v]) => canonicalJson(v) === canonicalJson(own[k] ?? null));
  });
}

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const CLAIMS = '@request.auth.claims';

/** Claims of tokens that no gateway reads. */
export function claimsOfNobody(o: VirtualService, { gateways, pods, requestAuthentications, config }: Snapshot): Problem[] {
  const { namespace = '' } = o.metadata ?? {};
  const names = (o.spec?.gateways ?? []).map((g) => gatewayName(g, namespace)).filter((g) => g !== MESH);
  const readers = [...requestAuthentications.values()];
  const blind = names.find((name) =>
    [...pods.values()].some((pod) => {
      const { namespace: own, labels = {} } = pod.metadata ?? {};
      const gateway = gateways.get(name);
      if (!gateway || !selects(gateway.spec?.selector, labels)) return false;
      return !readers.some(
        (r) => [own, config.rootNamespace].includes(r.metadata?.namespace) && selects(r.spec?.selector?.matchLabels, labels),
      );
    }),
  );
  if (!blind) return [];
  return (o.spec?.http ?? []).flatMap(({ match = [] }, i) =>
    match.flatMap((m, j) =>
      (['headers', 'withoutHeaders'] as const).flatMap((field) =>
        Object.keys(m[field] ?? {})
          .filter((key) => key.startsWith(CLAIMS))
          .map((key) => {
            const path = `spec.http[${i}].match[${j}].${field}.${key}`;
            const message = `no RequestAuthentication holds for the pods of Gateway ${blind}, so they know no claims.`;
            return problem(o, 'error', 'IST0149', path, message, 'Write a RequestAuthentication for them.');
          }),
      ),
    ),
  );
}
