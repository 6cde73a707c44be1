/** Which EnvoyFilters are in force, what came of their patches, and what is to be said of them. */
import { keyOf, keyText, type EnvoyFilter } from '../api/index.ts';
import { canonicalJson } from '../base/index.ts';
import { EnvoyFilters, keepArray, memo, patchOrigin, patchProblem, type EnvoyPatch, type Problem } from '../mesh/index.ts';
import { readPatch } from './patch-list.ts';

const filtersOf = memo((all: readonly EnvoyFilter[], rootNamespace: string) => new EnvoyFilters(all, rootNamespace));

/** How many earlier forms of an object are remembered: of changes in a hurry several may be refused before the first refusal is told. */
const REMEMBERED = 5;

/** One that Envoy refused gives way to what it said before, so that the last good configuration stays for new proxies, too. */
export class PatchBook {
  #filters = filtersOf([], '');
  #written: readonly EnvoyFilter[] = [];
  #root = '';
  /** What each said and says, the newest first; who only writes its status says nothing new. */
  readonly #history = new Map<string, readonly EnvoyFilter[]>();
  readonly #refused = new WeakMap<EnvoyFilter, string>();
  readonly #hits = new Set<EnvoyPatch>();
  #problems: readonly Problem[] = [];

  /** Those in force. */
  get filters(): EnvoyFilters {
    return this.#filters;
  }

  /** Takes them as they are written, the oldest first. */
  update(written: readonly EnvoyFilter[], rootNamespace: string): void {
    this.#root = rootNamespace;
    this.#hits.clear();
    const before = new Map(this.#history);
    this.#history.clear();
    this.#written = written.map((object) => {
      const key = keyText(keyOf(object));
      const known = before.get(key) ?? [];
      const now = known[0] && saysTheSame(known[0], object) ? known[0] : object;
      const earlier = known.filter((f) => f !== now && !this.#refused.has(f));
      this.#history.set(key, [now, ...earlier].slice(0, REMEMBERED));
      return now;
    });
    this.#enact();
  }

  /**
   * A proxy refuses a resource made of these objects. True when EnvoyFilters are among them: of several, the one that was changed
   * last is taken to be at fault.
   */
  refuse(from: readonly string[], message: string): boolean {
    const version = (f: EnvoyFilter): number => Number(f.metadata?.resourceVersion ?? 0);
    const [last] = this.#filters.all.filter((f) => from.includes(patchOrigin(f))).sort((a, b) => version(b) - version(a));
    if (!last) return false;
    this.#refused.set(last, message);
    this.#hits.clear();
    this.#enact();
    return true;
  }

  /** These patches changed something. */
  hit(patches: Iterable<EnvoyPatch>): void {
    for (const patch of patches) this.#hits.add(patch);
  }

  /** The same array as before when nothing changed. Complete once every proxy has been made for. */
  problems(): readonly Problem[] {
    const made = [...this.#written.flatMap((o) => this.#refusal(o)), ...this.#filters.all.flatMap((o) => this.#found(o))];
    const same = made.length === this.#problems.length && made.every((p, i) => JSON.stringify(p) === JSON.stringify(this.#problems[i]));
    return same ? this.#problems : (this.#problems = made);
  }

  #enact(): void {
    const inForce = [...this.#history.values()].flatMap((said) => said.find((f) => !this.#refused.has(f)) ?? []);
    this.#filters = filtersOf(keepArray(this.#filters.all, inForce), this.#root);
  }

  #refusal(owner: EnvoyFilter): Problem[] {
    const message = this.#refused.get(owner);
    if (message === undefined) return [];
    const stays = this.#filters.all.some((f) => keyText(keyOf(f)) === keyText(keyOf(owner)));
    const object = { kind: 'EnvoyFilter', namespace: owner.metadata?.namespace, name: owner.metadata?.name ?? '' };
    return [
      {
        object,
        code: 'SLU0012',
        severity: 'error',
        path: 'spec.configPatches',
        message: `Envoy refuses the configuration with these patches: ${message}. ${stays ? 'What they were before stays in force.' : 'They are left out.'}`,
        fix: 'Correct the patches; they are tried again when the object changes.',
      },
    ];
  }

  #found(owner: EnvoyFilter): Problem[] {
    return (owner.spec?.configPatches ?? []).flatMap((spec, index): Problem[] => {
      const patch = this.#filters.patchesOf(owner)[index]!;
      const read = readPatch(patch);
      if ('error' in read)
        return [
          patchProblem(patch, read.path, {
            code: 'IST0106',
            severity: 'error',
            message: `${read.error}. The patch is left out.`,
            fix: 'Use operations, fields and types that Envoy 1.40 has.',
          }),
        ];
      if (this.#hits.has(patch)) return [];
      if (spec.applyTo === 'BOOTSTRAP')
        return [
          patchProblem(patch, 'applyTo', {
            code: 'SLU0010',
            severity: 'warning',
            message: 'what proxies start with is not patched.',
            fix: 'Patch listeners, routes or clusters.',
          }),
        ];
      return [
        patchProblem(patch, 'match', {
          code: 'SLU0011',
          severity: 'warning',
          message: 'the patch changes nothing: no proxy that it is for has what it matches.',
          fix: "Compare it with what the proxy has; filters that only Istio's own Envoy knows are not there.",
        }),
      ];
    });
  }
}

function saysTheSame(a: EnvoyFilter, b: EnvoyFilter): boolean {
  return a === b || (a.metadata?.uid === b.metadata?.uid && canonicalJson(a.spec) === canonicalJson(b.spec));
}
