import type { Admission } from '../admission/admission.ts';
import type { Authorizer } from './authorizer.ts';
import { demand } from './forbidden.ts';

/** An update, or an apply, of what is not there creates it: whoever may only change objects may not do that. */
export function creationCheck(authorizer: Authorizer): Admission {
  return {
    validate({ operation, def, namespace = '', name, subresource, user }) {
      if (operation !== 'CREATE' || subresource) return;
      const { group, plural } = def.resource;
      demand(authorizer, user, { type: 'resource', verb: 'create', group, resource: plural, subresource: '', namespace, name });
    },
  };
}
