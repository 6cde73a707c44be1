/** Google Chat's incoming webhooks (https://developers.google.com/workspace/chat/api/reference/rest/v1/cards). Texts are HTML. */
import { canaryOf, type Kind, type Severity } from './alert.ts';

const COLORS: Readonly<Record<Severity, string>> = { info: '#188038', warn: '#b06000', error: '#d93025' };

export const gchat: Kind = {
  message(alert, { address }) {
    const message = { textParagraph: { text: `<font color="${COLORS[alert.severity]}"><b>${html(alert.message)}</b></font>` } };
    const fields = alert.fields.map(({ name, value }) => ({ decoratedText: { topLabel: name, text: html(value), wrapText: true } }));
    const header = { title: 'Flagger', subtitle: canaryOf(alert) };
    const card = { header, sections: [{ widgets: [message, ...fields] }] };
    return { url: address, body: { cardsV2: [{ cardId: canaryOf(alert), card }] } };
  },
};

const html = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
