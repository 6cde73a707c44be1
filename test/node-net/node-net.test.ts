import { findEnvoy } from '../real/real-envoy.edge.ts';
import { walkRing } from '../support/ring.ts';

walkRing({
  title: "the node's network",
  program: new URL('./ring.edge.ts', import.meta.url),
  files: [findEnvoy()],
  last: /stopping the node leaves nothing/,
});
