/** No mesh: the apex Service selects the pods of one side or the other. Blue/green only, since a selector knows no shares. */
import { Services } from '../../api/index.ts';
import { isWarm } from '../previous.ts';
import { selectorLabel } from '../names.ts';
import { serviceOf } from '../routes.ts';
import type { Router } from './router.ts';

export const kubernetes: Router = {
  async read(objects, _canary, settings) {
    const apex = await objects.get(Services, { namespace: settings.namespace, name: settings.apex });
    const canarys = await objects.get(Services, { namespace: settings.namespace, name: `${settings.apex}-canary` });
    if (!apex || !canarys) return undefined;
    const same = JSON.stringify(apex.spec?.selector) === JSON.stringify(canarys.spec?.selector);
    return same ? { primary: 0, canary: 100 } : { primary: 100, canary: 0 };
  },
  async write(objects, o, weights) {
    if (!selectorLabel(o.target!, o.settings)) return;
    const to = weights.canary < 100 ? 'primary' : isWarm(o) ? 'previous' : 'canary';
    await objects.apply(Services, serviceOf('apex', o.canary, o.settings, o.target!, to), o);
  },
  // The apex Service is given back with every provider.
  release: async () => {},
};
