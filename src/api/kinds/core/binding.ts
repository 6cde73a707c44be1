import type { Binding } from 'kubernetes-types/core/v1.js';
import { Bindings } from '../../resources.ts';
import { define } from '../define.ts';

/** What a scheduler says of a pod: the node that it is to run on. It changes the pod, and is not kept. */
export const bindings = define<Binding>({
  resource: Bindings,
  schema: 'k8s.io.api.core.v1.Binding',
  verbs: ['create'],
  check(causes, { target }) {
    if (target?.kind && target.kind !== 'Node') causes.unsupported('target.kind', target.kind, ['Node', '<empty>']);
    if (!target?.name) causes.required('target.name');
  },
});
