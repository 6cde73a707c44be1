/** Events under `events.k8s.io`: the same objects under other names of their fields. */
import type { Event as CoreEvent } from 'kubernetes-types/core/v1.js';
import type { LegacyVersion } from '../../kind.ts';
import type { AnyObject } from '../../object.ts';
import { oldVersion } from './version.ts';

/** As `events.k8s.io` has it -> as the core group has it. */
const NAMES: Readonly<Record<string, string>> = {
  regarding: 'involvedObject',
  note: 'message',
  reportingController: 'reportingComponent',
  deprecatedSource: 'source',
  deprecatedFirstTimestamp: 'firstTimestamp',
  deprecatedLastTimestamp: 'lastTimestamp',
  deprecatedCount: 'count',
};
const BACK = Object.fromEntries(Object.entries(NAMES).map(([there, here]) => [here, there]));

function rename(o: AnyObject, names: Readonly<Record<string, string>>): AnyObject {
  return Object.fromEntries(Object.entries(o).map(([field, value]) => [names[field] ?? field, value]));
}

/** The core group demands what an event is about, this one does not. */
function up(o: AnyObject): AnyObject {
  const event = rename(o, NAMES) as AnyObject & Partial<CoreEvent>;
  event.involvedObject ??= {};
  return event;
}

const OF_THE_OBJECT = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];
const selectableFields: Readonly<Record<string, string>> = {
  ...Object.fromEntries(OF_THE_OBJECT.map((field) => [`regarding.${field}`, `involvedObject.${field}`])),
  reason: 'reason',
  reportingController: 'reportingComponent',
  type: 'type',
};

export const newEvents: readonly LegacyVersion[] = [
  oldVersion({
    of: 'events.k8s.io/v1',
    kind: 'Event',
    message: 'k8s.io.api.events.v1.Event',
    upgrade: up,
    downgrade: (o) => rename(o, BACK),
  }),
  oldVersion({
    of: 'events.k8s.io/v1beta1',
    kind: 'Event',
    message: 'k8s.io.api.events.v1beta1.Event',
    until: [22, 25],
    upgrade: up,
    downgrade: (o) => rename(o, BACK),
  }),
].map((version) => Object.assign(version, { selectableFields }));
