/** Patches of EnvoyFilters that do not do what their author means, or not for long. */
import { keyOf, type EnvoyFilter } from '../api/index.ts';
import type { Problem } from './problem.ts';

const RELATIVE: ReadonlySet<string> = new Set(['INSERT_BEFORE', 'INSERT_AFTER']);
const CHANGING: ReadonlySet<string> = new Set([...RELATIVE, 'REPLACE', 'MERGE', 'REMOVE']);
const REPLACED: ReadonlySet<string> = new Set(['HTTP_FILTER', 'NETWORK_FILTER']);
const FIXED: ReadonlySet<string> = new Set(['ROUTE_CONFIGURATION', 'HTTP_ROUTE']);

type Finding = readonly [code: string, severity: Problem['severity'], message: string, fix: string];

export function filterPatches(filter: EnvoyFilter): Problem[] {
  const { configPatches = [], priority } = filter.spec ?? {};
  return configPatches.flatMap(({ applyTo, match, patch }, i) => {
    const { operation } = patch ?? {};
    const later = 'Use INSERT_FIRST or ADD, or set spec.priority.';
    const findings: (Finding | false)[] = [
      !priority &&
        RELATIVE.has(operation) && [
          'IST0151',
          'warning',
          `${operation} depends on which EnvoyFilters come before, and without a priority age decides that.`,
          later,
        ],
      operation === 'REPLACE' &&
        !REPLACED.has(applyTo) && ['IST0152', 'error', `REPLACE is for HTTP_FILTER and NETWORK_FILTER, not for ${applyTo}.`, 'Use MERGE.'],
      operation === 'ADD' && FIXED.has(applyTo) && ['IST0153', 'error', `ADD is ignored for ${applyTo}.`, 'Use MERGE, or INSERT_FIRST.'],
      operation === 'REMOVE' && FIXED.has(applyTo) && ['IST0154', 'error', `REMOVE is ignored for ${applyTo}.`, 'Use MERGE.'],
      !priority &&
        Boolean(match?.proxy?.proxyVersion) &&
        CHANGING.has(operation) && [
          'IST0155',
          'warning',
          `${operation} for proxies of one version does not hold while they are upgraded, and no priority says when it is made.`,
          later,
        ],
    ];
    return findings.flatMap((found): Problem[] => {
      if (!found) return [];
      const [code, severity, message, fix] = found;
      const object = { kind: 'EnvoyFilter', ...keyOf(filter) };
      return [{ object, code, severity, path: `spec.configPatches[${i}].patch.operation`, message, fix }];
    });
  });
}
