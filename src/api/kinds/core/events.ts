import type { Event } from 'kubernetes-types/core/v1.js';
import { canonicalJson } from '../../../base/index.ts';
import { Events } from '../../resources.ts';
import { asGo, type Causes, follow, qualifiedName } from '../check.ts';
import { age, column, nameColumn, wide } from '../columns.ts';
import { define } from '../define.ts';
import { newEvents } from '../legacy/events.ts';

const firstSeen = (o: Event, now: number): string => age(o.firstTimestamp ?? o.eventTime, now);

function lastSeen(o: Event, now: number): string {
  if (o.series) return age(o.series.lastObservedTime, now);
  return o.lastTimestamp ? age(o.lastTimestamp, now) : firstSeen(o, now);
}

function involved(o: Event): string {
  const { kind = '', name } = o.involvedObject;
  return name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase();
}

export const events = define<Event>({
  resource: Events,
  shortNames: ['ev'],
  schema: 'k8s.io.api.core.v1.Event',
  default(o) {
    o.involvedObject ??= {};
    o.source ??= {};
    o.reportingComponent ??= '';
    o.reportingInstance ??= '';
  },
  check: (causes, o, old, _part, apiVersion) => checkEvent(causes, o, old, apiVersion),
  columns: [
    column('Last Seen', lastSeen),
    column('Type', (o) => o.type ?? ''),
    column('Reason', (o) => o.reason ?? ''),
    column('Object', involved),
    wide('Subobject', (o) => o.involvedObject.fieldPath ?? ''),
    wide('Source', (o) => [o.source?.component || o.reportingComponent, o.source?.host || o.reportingInstance].filter(Boolean).join(', ')),
    column('Message', (o) => (o.message ?? '').trim()),
    wide('First Seen', firstSeen),
    wide('Count', (o) => o.series?.count ?? (o.count || 1), 'integer'),
    { ...nameColumn, priority: 1 },
  ],
  selectableFields: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
  legacy: newEvents,
});

/** The version whose events say more, and once and for all. */
const STRICT = 'events.k8s.io/v1';
const LONGEST = 128;
const LONGEST_MESSAGE = 1024;

function checkEvent(causes: Causes, event: Event, old: Event | undefined, apiVersion = 'v1'): void {
  checkNamespace(causes, event);
  if (event.eventTime) checkNew(causes, event, apiVersion === 'v1' ? 'reportingComponent' : 'reportingController');
  if (apiVersion !== STRICT) return;
  if (old) checkKept(causes, event, old);
  else checkStrict(causes, event);
}

/** An event is where its object is; those of what is in no namespace are in `default`. */
function checkNamespace(causes: Causes, { eventTime, involvedObject: { namespace = '' }, metadata }: Event): void {
  const homes = namespace && !eventTime ? [namespace] : namespace ? [] : ['default', ...(eventTime ? ['kube-system'] : [])];
  if (homes.length > 0 && !homes.includes(metadata?.namespace ?? '')) {
    causes.invalid('involvedObject.namespace', namespace, 'does not match event.namespace');
  }
}

/** What is to be said by those who give the time of an event in its new field. */
function checkNew(causes: Causes, event: Event, reporter: string): void {
  const { reportingComponent = '', message = '' } = event;
  if (!reportingComponent) causes.required(reporter);
  follow(causes, reporter, reportingComponent, qualifiedName);
  for (const field of ['reportingInstance', 'action', 'reason'] as const) {
    if (!event[field]) causes.required(field);
    if ((event[field] ?? '').length > LONGEST) causes.invalid(field, '', `can have at most ${LONGEST} characters`);
  }
  if (message.length > LONGEST_MESSAGE) causes.invalid('message', '', `can have at most ${LONGEST_MESSAGE} characters`);
}

function checkStrict(causes: Causes, event: Event): void {
  if (!event.eventTime) causes.required('eventTime');
  checkSeries(causes, event);
  if (!['Normal', 'Warning'].includes(event.type ?? '')) causes.invalid('type', '', `has invalid value: ${event.type ?? ''}`);
  for (const field of ['firstTimestamp', 'lastTimestamp', 'count'] as const) {
    if (event[field]) causes.invalid(field, '', 'needs to be unset');
  }
  if (event.source?.component || event.source?.host) causes.invalid('source', '', 'needs to be unset');
}

function checkSeries(causes: Causes, { series }: Event): void {
  if (!series) return;
  if ((series.count ?? 0) < 2) causes.invalid('series.count', '', 'should be at least 2');
  if (!series.lastObservedTime) causes.required('series.lastObservedTime');
}

const KEPT = [
  'involvedObject',
  'reason',
  'message',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'source',
  'type',
  'eventTime',
  'action',
  'related',
] as const;

const SOURCE = { Component: '', Host: '' };
const REFERENCE = { Kind: '', Namespace: '', Name: '', UID: '', APIVersion: '', ResourceVersion: '', FieldPath: '' };

/** Of an event that is there, only the series goes on. */
function checkKept(causes: Causes, event: Event, old: Event): void {
  const same = (a: unknown, b: unknown): boolean => canonicalJson(a ?? null) === canonicalJson(b ?? null);
  if (!same(event.series, old.series)) checkSeries(causes, event);
  for (const field of KEPT) {
    if (same(event[field], old[field])) continue;
    const value = event[field] ?? '';
    causes.invalid(field, typeof value === 'object' ? asGo(value, field === 'source' ? SOURCE : REFERENCE) : value, 'field is immutable');
  }
  for (const [field, name] of [
    ['reportingComponent', 'reportingController'],
    ['reportingInstance', 'reportingInstance'],
  ] as const) {
    if (!same(event[field], old[field])) causes.invalid(name, event[field] ?? '', 'field is immutable');
  }
}
