/** Slack's attachments, which Discord and Rocket.Chat read, too. */
import { canaryOf, type Alert, type Kind, type Recipient, type Severity } from './alert.ts';

type Colors = Readonly<Record<Severity, string>>;

const SLACK: Colors = { info: 'good', warn: 'warning', error: 'danger' };
const ROCKET: Colors = { info: '#0076D7', warn: '#FFA500', error: '#FF0000' };

function attachments(alert: Alert, { channel, username }: Recipient, colors: Colors): unknown {
  const fields = alert.fields.map(({ name, value }) => ({ title: name, value, short: false }));
  const attachment = { color: colors[alert.severity], author_name: canaryOf(alert), text: alert.message, mrkdwn_in: ['text'], fields };
  return { channel, username, icon_url: '', icon_emoji: ':rocket:', attachments: [attachment] };
}

/** An incoming webhook, or with a token `https://slack.com/api/chat.postMessage`, which says in its answer what is wrong. */
export const slack: Kind = {
  message: (alert, to) => ({ url: to.address, token: to.token, body: attachments(alert, to, SLACK) }),
  refusal(body) {
    if (!body.startsWith('{')) return undefined;
    const { ok, error } = JSON.parse(body) as { ok?: unknown; error?: unknown };
    return ok === false ? String(error) : undefined;
  },
};

/** Discord takes Slack's messages at an address of their own. */
export const discord: Kind = {
  message(alert, to) {
    const url = to.address.replace(/\/+$/, '');
    return { url: url.endsWith('/slack') ? url : `${url}/slack`, body: attachments(alert, to, SLACK) };
  },
};

export const rocket: Kind = {
  message: (alert, to) => ({ url: to.address, body: attachments(alert, to, ROCKET) }),
};
