import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkPrograms, checkUserNamespaces, type Switches } from './requirements.ts';

const open: Switches = { maxUserNamespaces: '1000', unprivilegedClone: undefined, appArmorRestricts: undefined };

const table: [string, Partial<Switches>, boolean, boolean, RegExp][] = [
  ['allowed', {}, false, true, /^$/],
  ['not built in', { maxUserNamespaces: undefined }, true, false, /CONFIG_USER_NS/],
  ['none left', { maxUserNamespaces: '0' }, true, false, /user\.max_user_namespaces=15000/],
  ['Debian switch', { unprivilegedClone: '0' }, false, false, /kernel\.unprivileged_userns_clone=1/],
  ['Ubuntu switch', { appArmorRestricts: '1' }, false, false, /kernel\.apparmor_restrict_unprivileged_userns=0/],
  ['switches do not bind root', { unprivilegedClone: '0', appArmorRestricts: '1' }, true, true, /^$/],
];

for (const [what, switches, root, ok, fix] of table) {
  test(what, () => {
    const check = checkUserNamespaces({ ...open, ...switches }, root);
    assert.equal(check.ok, ok);
    assert.match(check.fix, fix);
  });
}

test('missing programs are named', () => {
  assert.match(checkPrograms(['unshare', 'nsenter']).found, /unshare, nsenter/);
  assert.equal(checkPrograms([]).ok, true);
});
