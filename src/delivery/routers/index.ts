import type { Settings } from '../settings.ts';
import { gatewayApi } from './gateway-api.ts';
import { istio } from './istio.ts';
import { kubernetes } from './kubernetes.ts';
import { nginx } from './nginx.ts';
import type { Router } from './router.ts';

const ROUTERS: Readonly<Record<Settings['provider'], Router>> = {
  istio,
  kubernetes,
  nginx,
  'gatewayapi:v1': gatewayApi,
  'gatewayapi:v1beta1': gatewayApi,
};

export const routerOf = (settings: Settings): Router => ROUTERS[settings.provider];
