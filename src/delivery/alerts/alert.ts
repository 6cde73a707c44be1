/** An alert, and whom it reaches. */
import type { CanaryPhase } from '../../api/index.ts';

const SEVERITIES = ['info', 'warn', 'error'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface Alert {
  readonly severity: Severity;
  /** The Canary's. */
  readonly name: string;
  readonly namespace: string;
  readonly phase: CanaryPhase;
  readonly message: string;
  readonly fields: readonly Field[];
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** The same state goes on: of several alerts with the same text here only the first is sent. */
  readonly once?: string;
}

export interface Field {
  readonly name: string;
  readonly value: string;
}

/** Where a message goes, and under which name. */
export interface Recipient {
  /** URL to POST to; as secret as a password. */
  readonly address: string;
  readonly token: string | undefined;
  readonly channel: string;
  readonly username: string;
}

export interface Message {
  readonly url: string;
  /** Sent as JSON. */
  readonly body: unknown;
  readonly token?: string | undefined;
}

/** One kind of AlertProvider. */
export interface Kind {
  message(alert: Alert, to: Recipient): Message;
  /** Why a message was not taken although the status is a good one; undefined when it was. */
  refusal?(body: string): string | undefined;
}

export const isSeverity = (text: string | undefined): text is Severity => SEVERITIES.some((s) => s === text);

/** Whether somebody who asked for `least` is told. Flagger tells nobody who leaves it out; here that means all. */
export const isHeard = (severity: Severity, least: Severity | '' | undefined): boolean =>
  SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least || 'info');

export const canaryOf = ({ name, namespace }: Alert): string => `${name}.${namespace}`;
