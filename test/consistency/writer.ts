/** One of the writers: writes to keys that all share, and tells the history what came of it. */
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { below, type Rng } from '../../src/base/index.ts';
import type { Answer, RawHttp, RawRequest } from '../support/raw-http.ts';
import { anyKey, collectionPath, NAMESPACES, pathOf, seenIn, seenOf, type ConfigMapList } from './configmap.ts';
import type { History, Seen, Write } from './history.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const PATCH = (type: string): Record<string, string> => ({ 'content-type': `application/${type}` });

/** Errors of connections that never reached a server. */
const NOT_SENT: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ENOENT', 'EAGAIN']);

export function createWriter(name: string, http: RawHttp, history: History, rng: Rng): { step(): Promise<boolean> } {
  /** What this writer saw last, which others may have changed since. */
  const known = new Map<string, ConfigMap>();
  let count = 0;

  /** Sends a write; false when nobody was there to take it. */
  const write = async (verb: string, key: string, base: number | undefined, ask: (token: string) => RawRequest): Promise<boolean> => {
    const token = `${name}-${++count}`;
    const entry = history.began(token, key, verb, base);
    let answer: Answer;
    try {
      answer = await http.request(ask(token));
    } catch (error) {
      const sent = !NOT_SENT.has((error as NodeJS.ErrnoException).code);
      if (sent) history.ended(entry, 'unknown');
      else history.unsent(entry);
      return sent;
    }
    settle(entry, answer);
    return true;
  };

  const settle = (entry: Write, { code, body }: Answer): void => {
    let object: unknown;
    try {
      object = JSON.parse(body.toString());
    } catch {
      // Broken off in the middle of the answer.
      history.ended(entry, 'unknown');
      return;
    }
    if (code >= 300) {
      if (code >= 500) history.tell(entry.key, `${entry.token} was answered ${code}: ${body.toString()}`);
      history.ended(entry, code >= 500 ? 'unknown' : 'refused', { code });
      if (code === 404) known.delete(entry.key);
      return;
    }
    if (entry.verb === 'delete') {
      history.ended(entry, 'acknowledged', { code, uid: (object as { details?: { uid?: string } }).details?.uid });
      known.delete(entry.key);
    } else {
      known.set(entry.key, object as ConfigMap);
      history.ended(entry, 'acknowledged', { code, seen: seenOf(object as ConfigMap) });
    }
  };

  const mine = (token: string): Record<string, string> => ({ by: token, [`w${name}`]: String(count) });
  const odd = (): Record<string, string> => ({ odd: String(rng.next() < 0.5) });

  const create = (key: string): Promise<boolean> =>
    write('create', key, undefined, (token) => ({
      method: 'POST',
      path: pathOf(key).collection,
      headers: JSON_TYPE,
      body: JSON.stringify({ metadata: { name: key.split('/')[1], labels: odd() }, data: mine(token) }),
    }));

  const update = (key: string, seen: ConfigMap): Promise<boolean> =>
    write('update', key, revisionOf(seen), (token) => ({
      method: 'PUT',
      path: pathOf(key).object,
      headers: JSON_TYPE,
      body: JSON.stringify({ ...seen, metadata: { ...seen.metadata, labels: odd() }, data: { ...seen.data, ...mine(token) } }),
    }));

  const merge = (key: string, seen: ConfigMap | undefined): Promise<boolean> =>
    write('merge patch', key, seen && revisionOf(seen), (token) => ({
      method: 'PATCH',
      path: pathOf(key).object,
      headers: PATCH('merge-patch+json'),
      body: JSON.stringify({
        metadata: { labels: odd(), ...(seen ? { resourceVersion: seen.metadata?.resourceVersion } : {}) },
        data: mine(token),
      }),
    }));

  const jsonPatch = (key: string, seen: ConfigMap): Promise<boolean> =>
    write('json patch', key, undefined, (token) => ({
      method: 'PATCH',
      path: pathOf(key).object,
      headers: PATCH('json-patch+json'),
      body: JSON.stringify([
        { op: 'test', path: '/data/by', value: seen.data?.['by'] },
        ...Object.entries(mine(token)).map(([field, value]) => ({ op: 'add', path: `/data/${field}`, value })),
      ]),
    }));

  const apply = (key: string): Promise<boolean> =>
    write('apply', key, undefined, (token) => ({
      method: 'PATCH',
      path: `${pathOf(key).object}?fieldManager=writer-${name}&force=true`,
      headers: PATCH('apply-patch+yaml'),
      body: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { labels: odd() }, data: { ...mine(token) } }),
    }));

  const remove = (key: string, seen: ConfigMap | undefined): Promise<boolean> =>
    write('delete', key, seen && revisionOf(seen), () => ({
      method: 'DELETE',
      path: pathOf(key).object,
      headers: JSON_TYPE,
      body: JSON.stringify(seen ? { preconditions: { resourceVersion: seen.metadata?.resourceVersion } } : {}),
    }));

  /** Reads; false when nobody was there. */
  const fetch = async (path: string): Promise<Answer | undefined | false> => {
    try {
      const answer = await http.request({ method: 'GET', path });
      JSON.parse(answer.body.toString());
      return answer;
    } catch (error) {
      return NOT_SENT.has((error as NodeJS.ErrnoException).code) ? false : undefined;
    }
  };

  const read = async (key: string): Promise<boolean> => {
    const floor = history.floor();
    const answer = await fetch(pathOf(key).object);
    if (!answer) return answer !== false;
    const object = answer.code === 200 ? (JSON.parse(answer.body.toString()) as ConfigMap) : undefined;
    history.read(name, key, object && seenOf(object), floor);
    if (object) known.set(key, object);
    else known.delete(key);
    return true;
  };

  /** A list; then the same again by its revision, in pages: both must be equal, whatever was written meanwhile. */
  const list = async (namespace: string | undefined): Promise<boolean> => {
    const floor = history.floor();
    const answer = await fetch(collectionPath(namespace));
    if (!answer) return answer !== false;
    const whole = JSON.parse(answer.body.toString()) as ConfigMapList;
    history.listed(name, Number(whole.metadata.resourceVersion), seenIn(whole), floor, namespace);
    const again: Seen[] = [];
    let more = `limit=3&resourceVersionMatch=Exact&resourceVersion=${whole.metadata.resourceVersion}`;
    while (more) {
      const part = await fetch(`${collectionPath(namespace)}?${more}`);
      // Another server has no history of what was before it.
      if (!part || part.code === 410) return part !== false;
      const page = JSON.parse(part.body.toString()) as ConfigMapList;
      again.push(...seenIn(page));
      more = page.metadata.continue ? `limit=3&continue=${encodeURIComponent(page.metadata.continue)}` : '';
    }
    const short = (items: readonly Seen[]): string => items.map((i) => `${i.key}@${i.revision} ${i.digest}`).join(', ');
    if (short(again) !== short(seenIn(whole))) {
      history.tell(undefined, `the list of ${whole.metadata.resourceVersion} is first ${short(seenIn(whole))}, then ${short(again)}`);
    }
    return true;
  };

  return {
    /** Does one thing; false when there is no server. */
    async step() {
      const key = anyKey(rng);
      const seen = known.get(key);
      const dice = below(rng, 100);
      if (dice < 15) return create(key);
      if (dice < 40) return seen ? update(key, seen) : read(key);
      if (dice < 55) return merge(key, undefined);
      if (dice < 62) return seen ? merge(key, seen) : read(key);
      if (dice < 70) return seen ? jsonPatch(key, seen) : read(key);
      if (dice < 80) return apply(key);
      if (dice < 86) return remove(key, rng.next() < 0.5 ? seen : undefined);
      if (dice < 97) return read(key);
      return list(rng.next() < 0.5 ? undefined : NAMESPACES[below(rng, NAMESPACES.length)]);
    },
  };
}

function revisionOf(object: ConfigMap): number {
  return Number(object.metadata?.resourceVersion);
}
