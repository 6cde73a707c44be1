import { RE2JS } from 're2js';

/** True for a pattern of RE2, otherwise what is wrong with it. */
export function isPattern(pattern: string): true | string {
  try {
    return RE2JS.compile(pattern) !== null || '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
