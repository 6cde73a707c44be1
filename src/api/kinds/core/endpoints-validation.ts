import type { EndpointAddress, EndpointPort, EndpointSubset } from 'kubernetes-types/core/v1.js';
import { type Causes, checkPort, dnsLabel, dnsSubdomain, follow } from '../check.ts';
import { checkAddress, checkReachable } from '../ip-validation.ts';

/** Checks the addresses and ports of an Endpoints object. */
export function checkSubsets(causes: Causes, subsets: readonly EndpointSubset[]): void {
  subsets.forEach(({ addresses = [], notReadyAddresses = [], ports = [] }, i) => {
    const at = `subsets[${i}]`;
    if (!addresses.length && !notReadyAddresses.length) causes.required(at, 'must specify `addresses` or `notReadyAddresses`');
    addresses.forEach((address, j) => checkEndpointAddress(causes, `${at}.addresses[${j}]`, address));
    notReadyAddresses.forEach((address, j) => checkEndpointAddress(causes, `${at}.notReadyAddresses[${j}]`, address));
    ports.forEach((port, j) => checkEndpointPort(causes, `${at}.ports[${j}]`, port, ports.length > 1));
  });
}

/** An address that is none is said twice: the real server asks two rules. */
function checkEndpointAddress(causes: Causes, at: string, { ip, hostname, nodeName }: EndpointAddress): void {
  if (checkAddress(causes, `${at}.ip`, ip)) checkReachable(causes, `${at}.ip`, ip);
  else causes.invalid(`${at}.ip`, ip ?? '', 'must be a valid IP address');
  if (hostname) follow(causes, `${at}.hostname`, hostname, dnsLabel);
  if (nodeName !== undefined) follow(causes, `${at}.nodeName`, nodeName, dnsSubdomain);
}

function checkEndpointPort(causes: Causes, at: string, { name, port, protocol }: EndpointPort, isNameNeeded: boolean): void {
  if (name) follow(causes, `${at}.name`, name, dnsLabel);
  else if (isNameNeeded) causes.required(`${at}.name`);
  checkPort(causes, `${at}.port`, port ?? 0);
  causes.oneOf(`${at}.protocol`, protocol, ['SCTP', 'TCP', 'UDP']);
}
