import type { NodeCheck } from '../net/types.ts';

/** Kernel switches that decide on user namespaces; undefined where the kernel does not have the switch. */
export interface Switches {
  /** `user.max_user_namespaces` */
  readonly maxUserNamespaces: string | undefined;
  /** `kernel.unprivileged_userns_clone`, on Debian kernels. */
  readonly unprivilegedClone: string | undefined;
  /** `kernel.apparmor_restrict_unprivileged_userns`, on Ubuntu since 23.10. */
  readonly appArmorRestricts: string | undefined;
}

/** Whether an ordinary user (or root) may make user namespaces, and the command that allows it. */
export function checkUserNamespaces(switches: Switches, root: boolean): NodeCheck {
  const name = 'user namespaces';
  const bad = (found: string, sysctl: string): NodeCheck => ({
    name,
    ok: false,
    found,
    fix: `sudo sysctl -w ${sysctl} (keep it with a file in /etc/sysctl.d)`,
  });
  if (switches.maxUserNamespaces === undefined) {
    return {
      name,
      ok: false,
      found: 'the kernel was built without them',
      fix: 'Use a kernel with CONFIG_USER_NS, as every distribution ships.',
    };
  }
  if (switches.maxUserNamespaces === '0') return bad('user.max_user_namespaces is 0', 'user.max_user_namespaces=15000');
  if (!root && switches.unprivilegedClone === '0')
    return bad('kernel.unprivileged_userns_clone is 0', 'kernel.unprivileged_userns_clone=1');
  if (!root && switches.appArmorRestricts === '1') {
    return bad(
      'AppArmor keeps them from ordinary users (kernel.apparmor_restrict_unprivileged_userns is 1)',
      'kernel.apparmor_restrict_unprivileged_userns=0',
    );
  }
  return { name, ok: true, found: `allowed, up to ${switches.maxUserNamespaces}`, fix: '' };
}

/** The programs that a node is started with; `missing` are those not found. */
export function checkPrograms(missing: readonly string[]): NodeCheck {
  return {
    name: 'programs',
    ok: missing.length === 0,
    found: missing.length === 0 ? 'unshare, nsenter, mount, sh' : `not on PATH: ${missing.join(', ')}`,
    fix: missing.length === 0 ? '' : 'Install util-linux (and a shell), e.g. sudo apt-get install util-linux.',
  };
}
