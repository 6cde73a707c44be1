import { walkRing } from '../support/ring.ts';

walkRing({ title: 'pods on a real node', program: new URL('./ring.edge.ts', import.meta.url), last: /- done/ });
