/** The judge of the consistency run finds what it is there to find. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History, type Seen, type Write } from './history.ts';

const version = (revision: number, more: Partial<Seen> = {}): Seen => ({
  key: 'east/a',
  uid: 'u1',
  revision,
  gone: false,
  digest: `d${revision}`,
  data: { by: `t${revision}` },
  selected: false,
  ...more,
});

/** An acknowledged write of the version of a revision. */
function acknowledged(history: History, seen: Seen, verb = 'update', base?: number): Write {
  const write = history.began(seen.data['by']!, seen.key, verb, base);
  history.ended(write, 'acknowledged', { code: 200, seen });
  return write;
}

const FAULTS: Record<string, { readonly run: (history: History) => void; readonly problem: RegExp }> = {
  'a lost write, in a list': {
    run: (h) => {
      acknowledged(h, version(1));
      h.listed('reader', 1, [], h.floor());
    },
    problem: /does not find revision 1/,
  },
  'an old object, read': {
    run: (h) => {
      acknowledged(h, version(2));
      h.read('reader', 'east/a', version(1), h.floor());
    },
    problem: /reads revision 1 after 2/,
  },
  'a list from before an acknowledged write': {
    run: (h) => {
      acknowledged(h, version(2));
      h.listed('reader', 1, [version(1)], h.floor());
    },
    problem: /listed revision 1 after 2/,
  },
  'a deletion undone': {
    run: (h) => {
      acknowledged(h, version(1));
      h.ended(h.began('d', 'east/a', 'delete'), 'acknowledged', { uid: 'u1' });
      h.listed('reader', 2, [version(1)], h.floor());
    },
    problem: /whose deletion was acknowledged/,
  },
  'a revision used twice': {
    run: (h) => {
      acknowledged(h, version(1));
      h.saw(version(1, { key: 'east/b' }));
    },
    problem: /revision 1 stands for east\/a d1 and for east\/b d1/,
  },
  'a write stored twice': {
    run: (h) => {
      acknowledged(h, version(1));
      h.saw(version(2, { data: { by: 't1' } }));
    },
    problem: /t1 was stored twice/,
  },
  'a refused write that was stored': {
    run: (h) => {
      h.ended(h.began('t1', 'east/a', 'create'), 'refused', { code: 409 });
      h.saw(version(1));
    },
    problem: /t1 was refused \(409\) and stored as 1/,
  },
  'a write over one that it had not seen': {
    run: (h) => {
      acknowledged(h, version(1));
      acknowledged(h, version(2));
      acknowledged(h, version(3), 'update', 1);
    },
    problem: /t3, based on 1, was stored as 3 over 2/,
  },
  'a conflict with nobody': {
    run: (h) => {
      acknowledged(h, version(1));
      h.ended(h.began('x', 'east/a', 'update', 1), 'refused', { code: 409 });
    },
    problem: /refused as if 1 were not the newest/,
  },
  'a lost update': {
    run: (h) => {
      acknowledged(h, version(1, { data: { by: 't1', w0: '5' } }));
      acknowledged(h, version(2, { data: { by: 't2', w0: '4' } }));
    },
    problem: /w0 goes from 5 at 1 back to 4 at 2/,
  },
  'an object that comes back': {
    run: (h) => {
      h.saw(version(1));
      h.saw(version(2, { uid: 'u2' }));
      h.saw(version(3));
    },
    problem: /u1 is back at revision 3/,
  },
  'an event left out': {
    run: (h) => {
      const segment = h.segment('watcher', 0, [], undefined, false);
      acknowledged(h, version(1));
      h.watched(segment, 'ADDED', version(2, { key: 'east/b' }));
    },
    problem: /watcher missed 1 between 0 and 2/,
  },
  'an event told twice': {
    run: (h) => {
      const segment = h.segment('watcher', 0, [], undefined, false);
      h.watched(segment, 'ADDED', version(1));
      h.watched(segment, 'MODIFIED', version(1));
    },
    problem: /was told MODIFIED 1 after 1/,
  },
  'an event of the wrong type': {
    run: (h) => h.watched(h.segment('watcher', 0, [], undefined, false), 'MODIFIED', version(1)),
    problem: /MODIFIED 1, and the object was not there/,
  },
  'a bookmark that takes something back': {
    run: (h) => {
      const segment = h.segment('watcher', 0, [], undefined, false);
      h.watched(segment, 'ADDED', version(2));
      h.bookmarked(segment, 1);
    },
    problem: /bookmark 1 behind 2/,
  },
  'a list that lags behind its own revision': {
    run: (h) => {
      h.saw(version(1));
      h.listed('reader', 2, [version(1)], h.floor());
      h.saw(version(2));
    },
    problem: /a list of revision 2 has 1, and 2 was before it/,
  },
};

for (const [fault, { run, problem }] of Object.entries(FAULTS)) {
  test(`finds ${fault}`, () => {
    const history = new History();
    run(history);
    history.check();
    assert.match(history.problems.join('\n'), problem);
    assert.ok(history.story('east/a').length > 0);
  });
}

test('finds nothing wrong where nothing is', () => {
  const history = new History();
  const segment = history.segment('watcher', 0, [], undefined, false);
  const odd = history.segment('odd', 0, [], 'east', true);
  const versions = [version(1), version(2, { selected: true }), version(3), version(4, { gone: true })];
  acknowledged(history, versions[0]!, 'create');
  history.listed('reader', 1, [versions[0]!], history.floor());
  acknowledged(history, versions[1]!, 'update', 1);
  history.ended(history.began('late', 'east/a', 'update', 1), 'refused', { code: 409 });
  acknowledged(history, versions[2]!, 'update', 2);
  history.ended(history.began('d', 'east/a', 'delete', 3), 'acknowledged', { uid: 'u1' });
  versions.forEach((seen, i) => history.watched(segment, i === 0 ? 'ADDED' : seen.gone ? 'DELETED' : 'MODIFIED', seen));
  history.watched(odd, 'ADDED', versions[1]!);
  history.watched(odd, 'DELETED', versions[2]!);
  history.listed('reader', 4, [], history.floor());
  history.check();
  assert.deepEqual([...history.problems, ...History.differences(segment, []), ...History.differences(odd, [])], []);
});
