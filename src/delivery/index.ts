export { startDelivery, type DeliveryOptions } from './controller.ts';
export type { Http, HttpAnswer, Metrics } from './ports.ts';
