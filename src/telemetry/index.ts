export type { Target } from './scrape.ts';
export { startTelemetry, type Telemetry, type TelemetryOptions } from './telemetry.edge.ts';
