/** Envoy's response flags as sentences that name what to look at. */

const FLAGS: Readonly<Record<string, string>> = {
  DC: 'the client hung up before it had the answer',
  DF: 'the name of the destination could not be resolved: look at the hosts of its ServiceEntry',
  DI: 'a fault of the VirtualService delayed it: look at fault.delay of the rule',
  DPE: 'the client sent what is no HTTP',
  FI: 'a fault of the VirtualService answered it: look at fault.abort of the rule',
  IH: 'a header that must be strict was not valid',
  LH: 'the health check of the proxy itself failed',
  LR: 'the connection was reset on this side',
  NC: 'the route names a cluster that does not exist: look at the subset or port of the destination, and at its DestinationRule',
  NFCF: 'the cluster was asked for on demand and could not be found',
  NR: 'no route fits: look at the hosts and matches of the VirtualService',
  OM: 'the proxy was short of memory',
  RL: 'a rate limit refused it',
  RLSE: 'the rate limit service failed',
  SI: 'the stream was idle for too long',
  UAEX: 'an external authorizer refused it: look at the AuthorizationPolicy with action CUSTOM',
  UC: 'the connection to the server was closed under it: a server that takes mTLS only (PeerAuthentication STRICT) does so to plain text',
  UF: 'no connection to the server came about: it does not listen, or the sides do not agree on TLS (PeerAuthentication, DestinationRule tls)',
  UH: 'no healthy endpoint is there: look at the pods behind the destination, its subset labels and outlierDetection',
  UMSDR: 'the stream lasted longer than it may',
  UO: 'a limit was full (circuit breaker): look at connectionPool of the DestinationRule',
  UPE: 'the server answered with what is no HTTP: look at the protocol in the name of the port',
  UR: 'the server reset the stream',
  URX: 'all retries were used up: look at retries of the rule, and at the server',
  UT: 'the server took longer than the timeout: look at timeout of the rule',
};

/** `UH,NR` in words; empty when there is nothing to say. */
export function flagsText(flags: string): string {
  return flags
    .split(',')
    .filter((f) => f && f !== '-' && f !== 'unknown')
    .map((f) => `${f}: ${FLAGS[f] ?? 'a flag of Envoy without words here'}`)
    .join('; ');
}
