import type { Kind } from './alert.ts';
import { gchat } from './gchat.ts';
import { generic } from './generic.ts';
import { msteams } from './msteams.ts';
import { discord, rocket, slack } from './slack.ts';

/** By `spec.type` of an AlertProvider. */
export const KINDS: Readonly<Record<string, Kind>> = { slack, msteams, discord, rocket, gchat, generic };
