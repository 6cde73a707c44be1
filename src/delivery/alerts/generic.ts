/** Any endpoint that takes JSON: the fields of Flagger's event webhooks, and what else an alert has. */
import type { Kind } from './alert.ts';

export const generic: Kind = {
  message(alert, { address, token }) {
    const { name, namespace, phase, severity, message, fields, time } = alert;
    const eventType = severity === 'info' ? 'Normal' : 'Warning';
    const metadata = { eventMessage: message, eventType, timestamp: String(Math.trunc(time)) };
    return { url: address, token, body: { name, namespace, phase, severity, metadata, fields } };
  },
};
