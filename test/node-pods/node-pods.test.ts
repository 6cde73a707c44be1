import { walkAs } from '../support/ring.ts';

walkAs({ title: 'pods on a real node', program: new URL('./ring.edge.ts', import.meta.url), last: /- done/ });
