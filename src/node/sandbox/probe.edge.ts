/** Run inside a node by `checkNode`: does once what the agent does, and prints what the kernel said of each part. */
import { sidecarTraffic } from '../../api/index.ts';
import { messageOf } from '../../base/index.ts';
import { captureTable } from '../net/capture.ts';
import { transact } from '../net/netlink.edge.ts';
import { replaceTable } from '../net/nftables.ts';
import { prepareNodeNetwork } from '../net/node-network.edge.ts';
import { podNetworks } from '../net/pod-network.edge.ts';
import { servicesTable } from '../net/services.ts';

const [dir = ''] = process.argv.slice(2);

function attempt(fn: () => void): string {
  try {
    fn();
    return '';
  } catch (e) {
    return messageOf(e);
  }
}

const links = attempt(() => {
  prepareNodeNetwork();
  const pods = podNetworks(dir);
  pods.create('probe');
  pods.remove('probe');
});
const firewall = attempt(() => {
  const address = '10.96.0.99';
  const backends = [1, 2].map((port) => ({ address: '10.244.0.9', port }));
  transact('netfilter', replaceTable(servicesTable()([{ name: 'probe', frontends: [{ address, protocol: 'tcp', port: 1 }], backends }])));
  transact('netfilter', replaceTable(captureTable(sidecarTraffic({}))));
});
process.stdout.write(JSON.stringify({ links, firewall }));
