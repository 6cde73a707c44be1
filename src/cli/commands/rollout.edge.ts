import { userInfo } from 'node:os';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import { commandCanary, historyOf, otherCluster, type OtherCluster, reach as reachInstance, whyOf } from '../../app/index.ts';
import { Canaries, Deployments, isApiError, PAUSED, REQUEST, type Canary, type CanaryCommand } from '../../api/index.ts';
import { Fault, parseDuration, sleep, systemClock } from '../../base/index.ts';
import type { CommandContext, Command, Flags } from '../context.ts';
import { EXIT } from '../exit.ts';
import { show } from '../output.ts';
import { historyText, isUnderWay, lineText, listText, pageText, whyText } from '../rollout-text.ts';
import { similar } from '../similar.ts';

/** How often is looked while something is waited for. */
const LOOK_MS = 250;

/** What a verb is given. */
interface Call {
  readonly context: CommandContext;
  readonly flags: Flags;
  /** Asks the API of the instance, or of the cluster that is named instead. */
  readonly reach: OtherCluster['reach'];
  /** The flags that name it again, each with a space before it. */
  readonly again: string;
  readonly namespace: string;
  /** Of the canary. */
  readonly name: string;
  readonly rest: readonly string[];
}

type Verb = (call: Call) => Promise<number>;

const NAME = '<canary>';
const VERBS: Readonly<Record<string, { readonly words: string; readonly does: string; readonly run: Verb }>> = {
  list: { words: '', does: 'all releases, or those of -n', run: list },
  get: { words: NAME, does: 'one of them; -w goes on saying what happens until it is over', run: get },
  pause: {
    words: NAME,
    does: 'hold the traffic where it is, and let no release begin; bad canaries are rolled back all the same',
    run: does(() => ({ do: 'pause' })),
  },
  resume: { words: NAME, does: 'go on', run: does(() => ({ do: 'resume' })) },
  promote: {
    words: NAME,
    does: 'skip the gate or the rest of the analysis: the primary follows now',
    run: does(() => ({ do: 'promote' })),
  },
  abort: { words: NAME, does: 'roll back', run: does(() => ({ do: 'abort' })) },
  retry: { words: NAME, does: 'release the version that failed again', run: does(() => ({ do: 'retry' })) },
  'set-weight': {
    words: `${NAME} <percent>`,
    does: 'give the canary this share now; the analysis goes on from there',
    run: does(weightOf),
  },
  restart: { words: NAME, does: 'begin the analysis anew', run: does(() => ({ do: 'restart' })) },
  undo: {
    words: NAME,
    does: 'bring back the version before the last promotion at once, while it is kept (spec.undoWindow)',
    run: does(() => ({ do: 'undo' })),
  },
  wait: { words: NAME, does: 'until its release is over; ends with 1 when it was rolled back', run: wait },
  history: { words: NAME, does: 'the last releases and how they ended', run: history },
  why: { words: NAME, does: 'what was looked at for each decision', run: why },
};

/** Words of other tools, and what does the same here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  approve: 'promote',
  cancel: 'abort',
  continue: 'resume',
  describe: 'get',
  explain: 'why',
  log: 'history',
  logs: 'why',
  ls: 'list',
  reason: 'why',
  revert: 'undo',
  rollback: 'undo" to take back a promotion, or "abort',
  show: 'get',
  skip: 'promote',
  status: 'get',
  stop: 'abort',
  unpause: 'resume',
  watch: 'get -w',
  weight: 'set-weight',
};

/** What a word was perhaps to be, as the beginning of a hint; empty when nobody can tell. */
function meant(word: string): string {
  const verb = ELSEWHERE[word] ?? similar(word, Object.keys(VERBS));
  return verb ? `Did you mean "${verb}"? ` : '';
}

export const rolloutCommand: Command = {
  name: 'rollout',
  summary: 'look at releases and take a hand in them: pause, promote, abort, why',
  args: '[words...]',
  flags: [
    { usage: '-n, --namespace <namespace>', help: 'of the canary (default: default, or the one of the context)' },
    { usage: '--kubeconfig <file>', help: 'in place of an instance: a cluster where "sluice run" delivers' },
    { usage: '--context <name>', help: 'of that kubeconfig, or of your own (default: its current one)' },
    { usage: '-w, --watch', help: 'get: say what happens until it is over' },
    { usage: '--timeout <duration>', help: 'wait: give up after this time (default: 10m)' },
  ],
  notes: [
    'Words:',
    ...Object.entries(VERBS).map(([verb, { words, does }]) => `  ${`${verb} ${words}`.padEnd(32)} ${does}`),
    '',
    `What is asked is written on the Canary (annotations ${PAUSED} and ${REQUEST}), where a sync from Git leaves it.`,
  ].join('\n'),
  async run(context, flags, args) {
    const [word = '', ...rest] = args;
    const verb = VERBS[word];
    if (!verb)
      throw new Fault('WordUnknown', word ? `"${word}" is not something to do with releases` : 'it is not said what to do with releases', {
        hint: `${meant(word)}Use one of: ${Object.keys(VERBS).join(', ')}. "sluice rollout --help" says what they do.`,
      });
    const wanted = verb.words.split(' ').filter(Boolean).length;
    if (rest.length !== wanted)
      throw new Fault('WordsWrong', `"sluice rollout ${word}" takes ${verb.words || 'nothing more'}`, {
        hint: `Write: sluice rollout ${word}${verb.words ? ` ${verb.words}` : ''}`,
      });
    const [name = '', ...more] = rest;
    const { namespace = 'default', ...where } = whereOf(context, flags);
    return verb.run({
      context,
      flags,
      ...where,
      namespace: String(flags.namespace ?? namespace),
      name: name.replace(/^(canary|canaries|canaries\.flagger\.app)\//, ''),
      rest: more,
    });
  },
};

/** What is asked: the instance, unless a kubeconfig or a context of one is given. */
function whereOf(context: CommandContext, flags: Flags): Pick<Call, 'reach' | 'again'> & { namespace?: string | undefined } {
  const { kubeconfig, context: name } = flags;
  if (kubeconfig === undefined && name === undefined) return { reach: (ask) => reachInstance(context.paths, ask), again: context.again };
  const again = `${kubeconfig ? ` --kubeconfig ${String(kubeconfig)}` : ''}${name ? ` --context ${String(name)}` : ''}`;
  return {
    ...otherCluster(String(kubeconfig ?? context.userKubeconfig), name === undefined ? undefined : String(name), context.env),
    again,
  };
}

/** The canary; says where those of its name are when it is not there. */
async function find({ reach, again, namespace, name }: Call): Promise<Canary> {
  const { found, others } = await reach(async (client) => {
    const canary = await client.get(Canaries, { namespace, name });
    return { found: canary, others: canary ? [] : (await client.list(Canaries).catch(unseen)).items };
  });
  if (found) return found;
  const elsewhere = others.filter((c) => c.metadata?.name === name).map((c) => c.metadata?.namespace);
  throw new Fault('CanaryMissing', `there is no Canary ${name} in namespace ${namespace}`, {
    hint: elsewhere.length
      ? `There is one in ${elsewhere.join(', ')}: add -n ${elsewhere[0]}.`
      : `"sluice rollout list${again}" shows those that are there.`,
  });
}

/** Who may not look into all namespaces is not told what is there. */
function unseen(error: unknown): { items: Canary[] } {
  if (isApiError(error, 'Forbidden')) return { items: [] };
  throw error;
}

async function list({ context, reach, flags }: Call): Promise<number> {
  const namespace = flags.namespace === undefined ? undefined : String(flags.namespace);
  const { items } = await reach((client) => client.list(Canaries, { namespace }));
  show(context, items, () => listText(items, systemClock.now(), namespace));
  return EXIT.done;
}

async function get(call: Call): Promise<number> {
  const { context, flags } = call;
  let canary = await find(call);
  show(context, canary, () => pageText(canary, systemClock.now()));
  for (let last = lineText(canary); flags.watch === true && (isUnderWay(canary) || (await isAhead(call, canary)));) {
    await sleep(systemClock, LOOK_MS);
    canary = await find(call);
    const line = lineText(canary);
    if (line !== last) show(context, canary, () => `${(last = line)}\n`);
    last = line;
  }
  return EXIT.done;
}

/** Does it, and says what has come of it. */
function does(commandOf: (call: Call) => CanaryCommand): Verb {
  return async (call) => {
    const { context, reach, again, namespace, name } = call;
    const command = commandOf(call);
    await find(call);
    const { outcome, message } = await reach((client) => commandCanary(client, call, command, { by: ownName(), clock: systemClock }));
    if (outcome === 'done') {
      show(context, { namespace, name, message }, () => `${namespace}/${name}: ${message}\n`);
      return EXIT.done;
    }
    const verb = outcome === 'refused' ? 'says where it stands' : 'says what is waited for';
    throw new Fault(outcome === 'refused' ? 'Refused' : 'Unanswered', `${name}: ${message}`, {
      hint: `"sluice rollout why ${name} -n ${namespace}${again}" ${verb}.`,
    });
  };
}

/** Undefined when the system knows none. */
function ownName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

function weightOf({ rest: [text = ''] }: Call): CanaryCommand {
  const weight = Number(text.replace(/%$/, ''));
  if (Number.isInteger(weight) && weight >= 0 && weight <= 100) return { do: 'set-weight', weight };
  throw new Fault('WeightInvalid', `"${text}" is not a share of the requests`, { hint: 'Give a whole number from 0 to 100.' });
}

/** The target runs other images than the primary, and no release of it has ended: one is about to begin. */
async function isAhead({ reach, namespace }: Call, canary: Canary): Promise<boolean> {
  const { kind, name } = canary.spec.targetRef;
  if (kind !== 'Deployment' || canary.status?.phase === 'Failed') return false;
  const images = (d: Deployment | undefined): string | undefined => d?.spec?.template.spec?.containers.map((c) => c.image).join(' ');
  const [target, primary] = await reach((client) =>
    Promise.all([name, `${name}-primary`].map((n) => client.get(Deployments, { namespace, name: n }))),
  );
  // What was undone and applied again is not released.
  return primary !== undefined && images(target) !== images(primary) && images(target) !== canary.status?.undone?.images?.join(' ');
}

async function wait(call: Call): Promise<number> {
  const { context, flags } = call;
  const timeoutMs = parseDuration(String(flags.timeout ?? '10m'));
  if (!timeoutMs)
    throw new Fault('DurationInvalid', `"${String(flags.timeout)}" is not a duration`, { hint: 'Write it as in --timeout 90s or 10m.' });
  const end = systemClock.monotonic() + timeoutMs;
  let canary = await find(call);
  while (isUnderWay(canary) || ['', 'Initializing', undefined].includes(canary.status?.phase) || (await isAhead(call, canary))) {
    if (systemClock.monotonic() > end)
      throw new Fault('TimedOut', `${call.name} is still ${canary.status?.phase} after ${String(flags.timeout ?? '10m')}`, {
        hint: `"sluice rollout why ${call.name} -n ${call.namespace}${call.again}" says what is waited for.`,
      });
    await sleep(systemClock, LOOK_MS);
    canary = await find(call);
  }
  show(context, canary, () => pageText(canary, systemClock.now()));
  return canary.status?.phase === 'Failed' ? EXIT.failed : EXIT.done;
}

async function history(call: Call): Promise<number> {
  const canary = await find(call);
  show(call.context, historyOf(canary), () => historyText(canary, systemClock.now()));
  return EXIT.done;
}

async function why(call: Call): Promise<number> {
  const canary = await find(call);
  show(call.context, whyOf(canary), () => whyText(canary, systemClock.now()));
  return EXIT.done;
}
