/** What a provider of metrics is: a question in its own language becomes requests, and their answer becomes numbers. */
import type { MetricTemplateProvider } from '../../api/index.ts';
import { Fault } from '../../base/index.ts';
import type { Client } from '../../control/index.ts';
import type { Web, WebAnswer, WebRequest } from '../ports.ts';
import { quote } from '../quote.ts';
import { isWebAddress, type Environment } from '../web-address.ts';

export interface Credentials {
  readonly name: string;
  readonly data: Readonly<Record<string, string>>;
}

export interface Question {
  readonly spec: MetricTemplateProvider;
  /** The Secret of the template; undefined when it names none. */
  readonly secret: Credentials | undefined;
  /** In the provider's own language, with everything filled in. */
  readonly query: string;
  /** Milliseconds the metric looks back over. */
  readonly windowMs: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface Tools {
  readonly web: Web;
  readonly client: Client;
  readonly env: Environment;
}

/**
 * The values of all series of the answer, NaN left out; empty when there are none. Rejects with a `Fault` that says what to do when
 * the question cannot be asked.
 */
export type Provider = (question: Question, tools: Tools) => Promise<readonly number[]>;

const TIMEOUT_MS = 5_000;

/** Providers that aggregate as they ingest are asked for this many windows, since the newest one is not complete yet. */
export const LOOK_BACK = 10;

/** The body of the provider's answer, which has to be a good one. */
export async function ask({ spec }: Question, { web }: Tools, request: Omit<WebRequest, 'timeoutMs'>): Promise<string> {
  const answer = await web.send({ timeoutMs: TIMEOUT_MS, insecureSkipVerify: spec.insecureSkipVerify, ...request });
  if (answer.status >= 200 && answer.status < 300) return answer.body;
  throw new Fault('Refused', `error response: ${answer.status} ${quote(reasonOf(answer))}${adviceOn(answer, spec)}`);
}

export async function askJson(question: Question, tools: Tools, request: Omit<WebRequest, 'timeoutMs'>): Promise<unknown> {
  const body = await ask(question, tools, { ...request, headers: { accept: 'application/json', ...request.headers } });
  try {
    return JSON.parse(body);
  } catch {
    throw new Fault('NotUnderstood', `the answer is not JSON: ${quote(body)}; is spec.provider.address that of ${question.spec.type}?`);
  }
}

function adviceOn({ status }: WebAnswer, { type }: MetricTemplateProvider): string {
  if (status === 401 || status === 403) return `; do the credentials in spec.provider.secretRef give access to ${type}?`;
  if (status === 404) return `; is spec.provider.address that of ${type}?`;
  return '';
}

/** The sentence in an error's JSON, wherever the API puts it; else all of it. */
function reasonOf({ body }: WebAnswer): string {
  try {
    const found = sentenceIn(JSON.parse(body));
    return found ?? body;
  } catch {
    return body;
  }
}

function sentenceIn(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(sentenceIn).filter(Boolean).join('; ') || undefined;
  const fields = asObject(value);
  return sentenceIn(fields['error'] ?? fields['errors'] ?? fields['message'] ?? fields['Message'] ?? undefined);
}

/** An address of the provider's API below the one that the template gives, or below `fallback`. */
export function address({ spec }: Question, path: string, fallback?: string): URL {
  const base = spec.address || fallback;
  if (!base) throw new Fault('NoAddress', `${spec.type} address is not set: write the URL of its API into spec.provider.address`);
  if (!isWebAddress(base))
    throw new Fault('BadAddress', `${spec.type} address ${base} is not a valid URL: it begins with http:// or https://`);
  return new URL(base.replace(/\/+$/, '') + path);
}

/** `url` with parameters added. */
export function withQuery(url: URL, parameters: Readonly<Record<string, string | number>>): string {
  for (const [name, value] of Object.entries(parameters)) url.searchParams.append(name, String(value));
  return url.href;
}

/** A key of the Secret that the provider cannot do without. */
export function credential(question: Question, key: string): string {
  const { spec, secret } = question;
  const value = secret?.data[key];
  if (value) return value;
  const where = secret ? `the data of Secret ${secret.name}` : 'a Secret, and name that in spec.provider.secretRef';
  throw new Fault('NoCredentials', `${spec.type} credentials does not contain ${key}: add it to ${where}`);
}

export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** Whitespace of any kind becomes one blank: queries are written over several lines. */
export const oneLine = (query: string): string => query.replace(/\s+/g, ' ').trim();

export const asObject = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
export const asArray = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Numbers as JSON APIs write them; undefined for null, NaN and what is none. */
export function asNumber(value: unknown): number | undefined {
  if (value === '+Inf' || value === '-Inf') return value === '+Inf' ? Infinity : -Infinity;
  const number = typeof value === 'number' ? value : typeof value === 'string' && value.trim() ? Number(value) : NaN;
  return Number.isNaN(number) ? undefined : number;
}

export const present = <T>(value: T | undefined): value is T => value !== undefined;
