import type { Admission } from '../admission.ts';

const NOTICE =
  'a NetworkPolicy is kept but not enforced here: traffic flows as if it were not there; an AuthorizationPolicy (security.istio.io) restricts what reaches pods in the mesh';

/** Tells who writes a NetworkPolicy that nothing heeds it, rather than let them believe that they are shielded. */
export const networkPolicyNotice: Admission = {
  validate({ operation, def, warn }) {
    const writes = operation === 'CREATE' || operation === 'UPDATE';
    if (writes && def.resource.group === 'networking.k8s.io' && def.resource.plural === 'networkpolicies') warn(NOTICE);
  },
};
