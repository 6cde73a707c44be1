import type { Deployment } from 'kubernetes-types/apps/v1.js';
import { reach } from '../../app/index.ts';
import { Canaries, Deployments, isPaused, PAUSED, REQUEST, requestText, type Canary, type CanaryRequest } from '../../api/index.ts';
import { Fault, parseDuration, sleep, systemClock } from '../../base/index.ts';
import type { CommandContext, Command, Flags } from '../context.ts';
import { EXIT } from '../exit.ts';
import { show } from '../output.ts';
import { historyText, isUnderWay, lineText, listText, pageText, whyText } from '../rollout-text.ts';

/** How often is looked while something is waited for. */
const LOOK_MS = 250;
/** A running controller answers within a look at the canary; who waits for longer is told. */
const ANSWER_MS = 30_000;

/** What a verb is given. */
interface Call {
  readonly context: CommandContext;
  readonly flags: Flags;
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
    run: pause,
  },
  resume: { words: NAME, does: 'go on', run: resume },
  promote: {
    words: NAME,
    does: 'skip the gate or the rest of the analysis: the primary follows now',
    run: asks(() => ({ do: 'promote' })),
  },
  abort: { words: NAME, does: 'roll back', run: asks(() => ({ do: 'abort' })) },
  retry: { words: NAME, does: 'release the version that failed again', run: asks(() => ({ do: 'retry' })) },
  'set-weight': {
    words: `${NAME} <percent>`,
    does: 'give the canary this share now; the analysis goes on from there',
    run: asks(weightOf),
  },
  restart: { words: NAME, does: 'begin the analysis anew', run: asks(() => ({ do: 'restart' })) },
  undo: {
    words: NAME,
    does: 'bring back the version before the last promotion at once, while it is kept (spec.undoWindow)',
    run: asks(() => ({ do: 'undo' })),
  },
  wait: { words: NAME, does: 'until its release is over; ends with 1 when it was rolled back', run: wait },
  history: { words: NAME, does: 'the last releases and how they ended', run: history },
  why: { words: NAME, does: 'what was looked at for each decision', run: why },
};

export const rolloutCommand: Command = {
  name: 'rollout',
  summary: 'look at releases and take a hand in them: pause, promote, abort, why',
  args: '[words...]',
  flags: [
    { usage: '-n, --namespace <namespace>', help: 'of the canary (default: default)' },
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
        hint: `Use one of: ${Object.keys(VERBS).join(', ')}. "sluice rollout --help" says what they do.`,
      });
    const wanted = verb.words.split(' ').filter(Boolean).length;
    if (rest.length !== wanted)
      throw new Fault('WordsWrong', `"sluice rollout ${word}" takes ${verb.words || 'nothing more'}`, {
        hint: `Write: sluice rollout ${word}${verb.words ? ` ${verb.words}` : ''}`,
      });
    const [name = '', ...more] = rest;
    return verb.run({
      context,
      flags,
      namespace: String(flags.namespace ?? 'default'),
      name: name.replace(/^(canary|canaries|canaries\.flagger\.app)\//, ''),
      rest: more,
    });
  },
};

/** The canary; says where those of its name are when it is not there. */
async function find({ context, namespace, name }: Call): Promise<Canary> {
  const { found, others } = await reach(context.paths, async (client) => {
    const canary = await client.get(Canaries, { namespace, name });
    return { found: canary, others: canary ? [] : (await client.list(Canaries)).items };
  });
  if (found) return found;
  const elsewhere = others.filter((c) => c.metadata?.name === name).map((c) => c.metadata?.namespace);
  throw new Fault('CanaryMissing', `there is no Canary ${name} in namespace ${namespace}`, {
    hint: elsewhere.length
      ? `There is one in ${elsewhere.join(', ')}: add -n ${elsewhere[0]}.`
      : `"sluice rollout list${context.again}" shows those that are there.`,
  });
}

async function annotate({ context, namespace, name }: Call, annotations: Record<string, string | null>): Promise<void> {
  const body = { metadata: { annotations } };
  await reach(context.paths, (client) => client.patch(Canaries, { namespace, name }, { type: 'merge', body }));
}

async function list({ context, flags }: Call): Promise<number> {
  const namespace = flags.namespace === undefined ? {} : { namespace: String(flags.namespace) };
  const { items } = await reach(context.paths, (client) => client.list(Canaries, namespace));
  show(context, items, () => listText(items, systemClock.now()));
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

async function pause(call: Call): Promise<number> {
  const canary = await find(call);
  if (!isPaused(canary)) await annotate(call, { [PAUSED]: new Date(systemClock.now()).toISOString() });
  return said(call, isPaused(canary) ? 'It is paused already.' : 'Paused: it stays as it is until "resume".');
}

async function resume(call: Call): Promise<number> {
  const canary = await find(call);
  if (isPaused(canary)) await annotate(call, { [PAUSED]: null });
  return said(call, isPaused(canary) ? 'Resumed.' : 'It was not paused.');
}

/** A verb that the controller is asked for, and whose answer is waited for. */
function asks(requestOf: (call: Call) => CanaryRequest): Verb {
  return async (call) => {
    const request = requestOf(call);
    await find(call);
    const text = requestText(request, systemClock.now());
    // Who promotes or aborts has made up their mind: nothing is held any longer.
    const free: Record<string, null> = request.do === 'promote' || request.do === 'abort' ? { [PAUSED]: null } : {};
    await annotate(call, { [REQUEST]: text, ...free });
    for (const end = systemClock.monotonic() + ANSWER_MS; systemClock.monotonic() < end; await sleep(systemClock, LOOK_MS)) {
      const canary = await find(call);
      const { handled } = canary.status ?? {};
      if (handled?.request !== text) continue;
      if (handled.done) return said(call, `${handled.message}.`);
      throw new Fault('Refused', `${call.name}: ${handled.message}`, {
        hint: `"sluice rollout why ${call.name} -n ${call.namespace}${call.context.again}" says where it stands.`,
      });
    }
    throw new Fault('Unanswered', `${call.name} has not taken up the request within ${ANSWER_MS / 1000} s`, {
      hint: `It is done as soon as it can be; "sluice rollout why ${call.name} -n ${call.namespace}${call.context.again}" says what is waited for.`,
    });
  };
}

function weightOf({ rest: [text = ''] }: Call): CanaryRequest {
  const weight = Number(text.replace(/%$/, ''));
  if (Number.isInteger(weight) && weight >= 0 && weight <= 100) return { do: 'set-weight', weight };
  throw new Fault('WeightInvalid', `"${text}" is not a share of the requests`, { hint: 'Give a whole number from 0 to 100.' });
}

async function said(call: Call, message: string): Promise<number> {
  const { context, namespace, name } = call;
  show(context, { namespace, name, message }, () => `${namespace}/${name}: ${message}\n`);
  return EXIT.done;
}

/** The target runs other images than the primary, and no release of it has ended: one is about to begin. */
async function isAhead({ context, namespace }: Call, canary: Canary): Promise<boolean> {
  const { kind, name } = canary.spec.targetRef;
  if (kind !== 'Deployment' || canary.status?.phase === 'Failed') return false;
  const images = (d: Deployment | undefined): string | undefined => d?.spec?.template.spec?.containers.map((c) => c.image).join(' ');
  const [target, primary] = await reach(context.paths, (client) =>
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
        hint: `"sluice rollout why ${call.name} -n ${call.namespace}${context.again}" says what is waited for.`,
      });
    await sleep(systemClock, LOOK_MS);
    canary = await find(call);
  }
  show(context, canary, () => pageText(canary, systemClock.now()));
  return canary.status?.phase === 'Failed' ? EXIT.failed : EXIT.done;
}

async function history(call: Call): Promise<number> {
  const canary = await find(call);
  show(call.context, canary.status?.history ?? [], () => historyText(canary, systemClock.now()));
  return EXIT.done;
}

async function why(call: Call): Promise<number> {
  const canary = await find(call);
  const { phase, conditions, evidence = [], handled, history: releases = [], judge } = canary.status ?? {};
  const value = { phase, message: conditions?.[0]?.message, release: releases.at(-1), request: handled, judge, evidence };
  show(call.context, value, () => whyText(canary, systemClock.now()));
  return EXIT.done;
}
