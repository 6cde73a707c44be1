/** Each kind of AlertProvider tells a server on a real socket, in the form that its makers document. */
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import { AlertProviders, Secrets, type AlertProvider, type Canary } from '../../api/index.ts';
import { Fault, systemClock, VirtualClock, type Clock } from '../../base/index.ts';
import { FakeClient } from '../../control/testing.ts';
import type { Web, WebAnswer } from '../ports.ts';
import { serve, type Asked, type Told } from '../testing/local-server.ts';
import { createWeb } from '../web.edge.ts';
import type { Alert } from './alert.ts';
import { createAlerts, type Alerts } from './alerts.ts';
import { KINDS } from './index.ts';

const ALERT: Alert = {
  severity: 'error',
  name: 'web',
  namespace: 'shop',
  phase: 'Failed',
  message: 'Failed checks threshold reached 2',
  fields: [{ name: 'Last check', value: 'errors 3.00 > 1' }],
  time: Date.parse('2026-01-02T03:04:05Z'),
};

const canary = {
  metadata: { name: 'web', namespace: 'shop' },
  spec: { analysis: { alerts: [{ name: 'on-call', severity: 'warn', providerRef: { name: 'chat', namespace: 'ops' } }] } },
} as Canary;

interface Setting {
  readonly spec?: AlertProvider['spec'];
  readonly secret?: Readonly<Record<string, string>>;
  readonly web?: Web;
  readonly clock?: Clock;
}

async function sender({ spec, secret, web = createWeb(), clock = systemClock }: Setting): Promise<{ alerts: Alerts; lost: string[] }> {
  const client = new FakeClient(new VirtualClock());
  const metadata = { name: 'chat', namespace: 'ops' };
  if (spec) await client.create(AlertProviders, { apiVersion: 'flagger.app/v1beta1', kind: 'AlertProvider', metadata, spec });
  const data = secret && Object.fromEntries(Object.entries(secret).map(([k, v]) => [k, btoa(v)]));
  if (data) await client.create(Secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys', namespace: 'ops' }, data });
  const lost: string[] = [];
  const { signal } = new AbortController();
  return { alerts: createAlerts({ client, web, clock, signal, lost: (_, message) => lost.push(message) }), lost };
}

/** What the server is asked when the alert goes out, and what is said if it does not take it. */
async function sent(
  t: TestContext,
  type: string,
  { answer = {}, token = '', alert = ALERT, more = {} }: Sent = {},
): Promise<{ asked: Asked; lost: string[] }> {
  const server = await serve(t, () => answer);
  const spec = { type, secretRef: { name: 'keys' }, ...more };
  const { alerts, lost } = await sender({ spec, secret: { address: `${server.url}/hidden-hook\n`, ...(token ? { token } : {}) } });
  alerts.tell(canary, alert);
  const isRefused = (answer.status ?? 200) >= 300 || JSON.stringify(answer.body ?? '').includes('false');
  while (server.asked.length === 0 || (isRefused && lost.length === 0)) await wait(5);
  return { asked: server.asked[0]!, lost };
}

interface Sent {
  readonly answer?: Told;
  readonly token?: string;
  readonly alert?: Alert;
  readonly more?: AlertProvider['spec'];
}

const attachment = (color: string): unknown => ({
  color,
  author_name: 'web.shop',
  text: ALERT.message,
  mrkdwn_in: ['text'],
  fields: [{ title: 'Last check', value: 'errors 3.00 > 1', short: false }],
});

test('slack, discord and rocket get attachments, in a channel and under a name', async (t) => {
  const common = { username: 'flagger', icon_url: '', icon_emoji: ':rocket:' };
  const slack = await sent(t, 'slack', { token: 'xoxb-1', more: { channel: 'on-call' } });
  assert.deepEqual(JSON.parse(slack.asked.body), { ...common, channel: 'on-call', attachments: [attachment('danger')] });
  const { method, path, headers } = slack.asked;
  assert.deepEqual(
    [method, path, headers.authorization, headers['content-type']],
    ['POST', '/hidden-hook', 'Bearer xoxb-1', 'application/json'],
  );
  const discord = await sent(t, 'discord', { alert: { ...ALERT, severity: 'warn' } });
  assert.deepEqual([discord.asked.path, discord.asked.headers.authorization], ['/hidden-hook/slack', undefined]);
  assert.deepEqual(JSON.parse(discord.asked.body), {
    ...common,
    channel: 'general',
    attachments: [attachment('danger')].map((a) => ({ ...(a as object), color: 'warning' })),
  });
  const rocket = await sent(t, 'rocket', { more: { username: 'bot' } });
  assert.deepEqual(JSON.parse(rocket.asked.body), { ...common, username: 'bot', channel: 'general', attachments: [attachment('#FF0000')] });
});

test('msteams gets an adaptive card, as workflows want it', async (t) => {
  const { asked, lost } = await sent(t, 'msteams', { answer: { status: 202 } });
  const { type, attachments } = JSON.parse(asked.body);
  assert.deepEqual([type, attachments.length, attachments[0].contentType], ['message', 1, 'application/vnd.microsoft.card.adaptive']);
  const card = attachments[0].content;
  assert.deepEqual([card.type, card.version, card.$schema], ['AdaptiveCard', '1.4', 'http://adaptivecards.io/schemas/adaptive-card.json']);
  assert.deepEqual([card.body[0].text, card.body[0].color, card.body[1].text], [ALERT.message, 'attention', 'web.shop']);
  assert.deepEqual(card.body[2], { type: 'FactSet', facts: [{ title: 'Last check', value: 'errors 3.00 > 1' }] });
  assert.deepEqual(lost, []);
});

test('gchat gets a card, whose texts are HTML', async (t) => {
  const { asked } = await sent(t, 'gchat');
  const [{ cardId, card }] = JSON.parse(asked.body).cardsV2;
  assert.deepEqual([cardId, card.header], ['web.shop', { title: 'Flagger', subtitle: 'web.shop' }]);
  const [message, field] = card.sections[0].widgets;
  assert.equal(message.textParagraph.text, '<font color="#d93025"><b>Failed checks threshold reached 2</b></font>');
  assert.deepEqual(field.decoratedText, { topLabel: 'Last check', text: 'errors 3.00 &gt; 1', wrapText: true });
});

test('generic gets the fields of an event webhook, and what else there is', async (t) => {
  const { asked } = await sent(t, 'generic', { token: 'gt' });
  assert.equal(asked.headers.authorization, 'Bearer gt');
  assert.deepEqual(JSON.parse(asked.body), {
    name: 'web',
    namespace: 'shop',
    phase: 'Failed',
    severity: 'error',
    metadata: { eventMessage: ALERT.message, eventType: 'Warning', timestamp: String(ALERT.time) },
    fields: ALERT.fields,
  });
});

test('every kind that an AlertProvider may have is here', () => {
  assert.deepEqual(Object.keys(KINDS).sort(), ['discord', 'gchat', 'generic', 'msteams', 'rocket', 'slack']);
});

test('an alert that is not taken is told of, without the address and the token', async (t) => {
  const gone = await sent(t, 'slack', { answer: { status: 404, body: 'no_service' } });
  assert.match(gone.lost[0]!, /^Alert on-call was not sent: 127\.0\.0\.1:\d+ answers: 404 no_service$/);
  const refused = await sent(t, 'slack', { token: 'xoxb-secret', answer: { body: { ok: false, error: 'invalid_auth xoxb-secret' } } });
  assert.match(refused.lost[0]!, /answers: invalid_auth \*\*\*$/);
});

test('what is missing is named, whether an alert goes out or is only looked at', async () => {
  const table: [Setting, RegExp][] = [
    [{}, /AlertProvider chat\.ops not found: create it, or correct providerRef$/],
    [{ spec: { type: 'pager', address: 'https://a' } }, /has type pager: use one of slack, msteams, discord, rocket, gchat, generic$/],
    [
      { spec: { type: 'slack', secretRef: { name: 'keys' } } },
      /Secret keys not found in namespace ops: create it, or correct spec\.secretRef of AlertProvider chat$/,
    ],
    [
      { spec: { type: 'slack', secretRef: { name: 'keys' } }, secret: { url: 'x' } },
      /Secret keys\.ops has no address: put the URL to send to under that key$/,
    ],
    [
      { spec: { type: 'slack', address: 'hooks.slack.com/hidden' } },
      /^(?!.*hidden).*the address in AlertProvider chat\.ops or its Secret is not a URL: it begins with http/,
    ],
  ];
  for (const [setting, want] of table) {
    const { alerts, lost } = await sender(setting);
    const [problem] = await alerts.problems(canary);
    assert.match(problem!, want);
    alerts.tell(canary, ALERT);
    while (lost.length === 0) await wait(1);
    assert.match(lost[0]!, want);
  }
});

/** A server that answers in turn, in virtual time; undefined: not at all. */
function playing(answers: (Partial<WebAnswer> | undefined)[]): { web: Web; clock: VirtualClock; times: number[] } {
  const clock = new VirtualClock();
  const times: number[] = [];
  const send = async (): Promise<WebAnswer> => {
    times.push(clock.monotonic());
    const answer = answers[times.length - 1];
    if (!answer) throw new Fault('Unreachable', 'chat.example cannot be asked: connect ECONNREFUSED');
    return { status: 200, body: '', retryAfter: undefined, ...answer };
  };
  return { web: { send }, clock, times };
}

test('what may pass is tried again, three times, no sooner than the server wants', async () => {
  const spec = { type: 'slack', address: 'https://chat.example/x' };
  const table: [(Partial<WebAnswer> | undefined)[], number[], RegExp | undefined][] = [
    [[{ status: 503 }, undefined, {}], [0, 1000, 3000], undefined],
    [[{ status: 429, retryAfter: 7 }, {}], [0, 7000], undefined],
    [[{ status: 429, retryAfter: 3600 }, {}], [0, 30_000], undefined],
    [[{ status: 500 }, { status: 500 }, { status: 500, body: 'oh' }, {}], [0, 1000, 3000], /answers: 500 oh$/],
    [
      [undefined, undefined, undefined, {}],
      [0, 1000, 3000],
      /^Alert on-call was not sent: chat\.example cannot be asked: connect ECONNREFUSED$/,
    ],
    [[{ status: 400, body: 'bad' }, {}], [0], /answers: 400 bad$/],
  ];
  for (const [answers, want, message] of table) {
    const { web, clock, times } = playing(answers);
    const { alerts, lost } = await sender({ spec, web, clock });
    const begun = clock.monotonic();
    alerts.tell(canary, ALERT);
    for (let i = 0; i < 200; i++) await clock.advance(500);
    assert.deepEqual(
      times.map((at) => Math.round((at - begun) / 500) * 500),
      want,
    );
    if (message) assert.match(lost.join(), message);
    else assert.deepEqual(lost, []);
  }
});

test('a receiver that never answers keeps no more than so many waiting, and says what is lost', async () => {
  const web: Web = { send: () => new Promise(() => {}) };
  const { alerts, lost } = await sender({ spec: { type: 'slack', address: 'https://chat.example' }, web });
  for (let i = 0; i < 25; i++) alerts.tell(canary, ALERT);
  assert.deepEqual(
    lost,
    Array.from({ length: 5 }, () => 'Alerts were not sent: 20 wait for those before them'),
  );
});

test('a state that goes on is told once', async () => {
  const { web, clock, times } = playing([{}, {}, {}, {}]);
  const { alerts } = await sender({ spec: { type: 'slack', address: 'https://chat.example' }, web, clock });
  for (const once of ['a', 'a', 'b', 'b', undefined, 'b']) alerts.tell(canary, once === undefined ? ALERT : { ...ALERT, once });
  await clock.advance(1000);
  assert.equal(times.length, 4);
});
