import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PodRecord, PodRecords } from '../lifecycle/ports.ts';

/** Records as `state.json` in the pod's directory; a half-written one is never seen. */
export function podRecords(podsDir: string): PodRecords {
  const file = (uid: string): string => join(podsDir, uid, 'state.json');
  return {
    load(uid) {
      return existsSync(file(uid)) ? (JSON.parse(readFileSync(file(uid), 'utf8')) as PodRecord) : undefined;
    },
    save(uid, record) {
      mkdirSync(join(podsDir, uid), { recursive: true, mode: 0o700 });
      writeFileSync(`${file(uid)}.new`, JSON.stringify(record), { mode: 0o600 });
      renameSync(`${file(uid)}.new`, file(uid));
    },
  };
}
