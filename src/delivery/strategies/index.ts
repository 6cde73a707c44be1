import type { Settings } from '../settings.ts';
import { abTesting, blueGreen } from './iterations.ts';
import type { Strategy } from './strategy.ts';
import { weights } from './weights.ts';

export type { Strategy } from './strategy.ts';

export function strategyOf(settings: Settings): Strategy {
  if (settings.iterations === 0) return weights;
  return settings.match.length > 0 ? abTesting : blueGreen;
}
