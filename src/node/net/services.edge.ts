import { transact } from './netlink.edge.ts';
import { replaceTable } from './nftables.ts';
import { planServices, servicesTable } from './services.ts';
import type { ServiceProxy } from './types.ts';

/**
 * Keeps the node's service rules. The whole table is replaced in one transaction when the plan changed: connections that
 * stand keep their backend, since only the first packet of a connection meets these rules.
 */
export function serviceProxy(): ServiceProxy {
  let programmed: string | undefined;
  return {
    apply(services, slices) {
      const plans = planServices(services, slices);
      const wanted = JSON.stringify(plans);
      if (wanted === programmed) return false;
      transact('netfilter', replaceTable(servicesTable(plans)));
      programmed = wanted;
      return true;
    },
  };
}
