import { transact } from './netlink.edge.ts';
import { changeTable, replaceTable, type Table } from './nftables.ts';
import type { ServiceGroup } from './service-groups.ts';
import { servicePlanner, servicesTable } from './services.ts';
import type { ServiceProxy } from './types.ts';

/**
 * Keeps the node's service rules. Connections that stand keep their backend, since only the first packet of a connection meets
 * these rules. The whole table is written once, then what changed of it; when the kernel refuses that, the whole again.
 */
export function serviceProxy(): ServiceProxy {
  const plansOf = servicePlanner();
  const tableOf = servicesTable();
  let programmed: Table | undefined;
  return {
    apply(groups: readonly ServiceGroup[]) {
      const wanted = tableOf(plansOf(groups));
      const requests = programmed ? changeTable(programmed, wanted) : replaceTable(wanted);
      if (requests.length === 0) return false;
      try {
        transact('netfilter', requests);
      } catch (error) {
        if (!programmed) throw error;
        programmed = undefined;
        transact('netfilter', replaceTable(wanted));
      }
      programmed = wanted;
      return true;
    },
  };
}
