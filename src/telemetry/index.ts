export type { Target } from './scrape.ts';
export { startTelemetry } from './telemetry.edge.ts';
