export { importRollouts, type Imported } from './argo/import.ts';
export { startDelivery } from './controller.ts';
export { flagger, FLAGGER_PORT } from './flagger.ts';
export { PROVIDERS, type Provider } from './settings.ts';
export type { Http, HttpAnswer, Metrics, RequestLog } from './ports.ts';
export { createWeb } from './web.edge.ts';
export { historyOf, whyOf } from './account.ts';
export { commandCanary } from './command.ts';
