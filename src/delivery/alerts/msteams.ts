/**
 * Microsoft Teams: a workflow that begins "when a Teams webhook request is received". It takes adaptive cards, and so do the older
 * connectors, whose own cards workflows do not take.
 */
import { canaryOf, type Kind, type Severity } from './alert.ts';

const COLORS: Readonly<Record<Severity, string>> = { info: 'good', warn: 'warning', error: 'attention' };

export const msteams: Kind = {
  message(alert, { address }) {
    const text = { type: 'TextBlock', wrap: true };
    const body = [
      { ...text, text: alert.message, weight: 'bolder', size: 'medium', color: COLORS[alert.severity] },
      { ...text, text: canaryOf(alert), isSubtle: true, spacing: 'none' },
      ...(alert.fields.length > 0 ? [{ type: 'FactSet', facts: alert.fields.map(({ name, value }) => ({ title: name, value })) }] : []),
    ];
    const content = {
      $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
      type: 'AdaptiveCard',
      version: '1.4',
      msteams: { width: 'Full' },
      fallbackText: `${canaryOf(alert)}: ${alert.message}`,
      body,
    };
    const attachment = { contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content };
    return { url: address, body: { type: 'message', attachments: [attachment] } };
  },
};
