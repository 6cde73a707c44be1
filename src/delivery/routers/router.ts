/** How traffic is steered: one module a provider. */
import type { Canary, KubeObject } from '../../api/index.ts';
import type { Key, Resource } from '../../api/index.ts';
import type { Observation } from '../decision.ts';
import type { Weights } from '../routes.ts';
import type { Settings } from '../settings.ts';

/** The API as routers use it. */
export interface Objects {
  get<T extends KubeObject>(resource: Resource<T>, key: Key): Promise<T | undefined>;
  /**
   * Applies an object of the canary's: only the fields in it become ours. One that was there before is not taken over, and what it
   * was like is kept on it, so that it can be given back.
   */
  apply<T extends KubeObject>(resource: Resource<T>, wanted: T, o: Observation): Promise<void>;
  /** Gives back an object that was there before the canary; ours are left to garbage collection. */
  restore<T extends KubeObject>(resource: Resource<T>, key: Key, o: Observation): Promise<void>;
}

export interface Router {
  /** What the objects say; undefined when they are missing or name neither side. They, not the status, are the truth about traffic. */
  read(objects: Objects, canary: Canary, settings: Settings): Promise<Weights | undefined>;
  /** What both sides need before they can get traffic, beside their Services. */
  prepare?(objects: Objects, o: Observation): Promise<void>;
  /** Creates or corrects its objects so that they give these shares. */
  write(objects: Objects, o: Observation, weights: Weights): Promise<void>;
  /** The canary goes: what was there before it is as it was. */
  release(objects: Objects, o: Observation): Promise<void>;
}
