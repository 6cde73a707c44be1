/** Exit statuses, the same for every command; `kubectl` has its own. */
export const EXIT = {
  done: 0,
  /** It could not be done, or what was looked at is not well. */
  failed: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** `status`: nothing runs. */
  stopped: 3,
  /** `analyze`: it has found errors; the same number as istioctl's. */
  errorsFound: 79,
  /** Ctrl-C. */
  interrupted: 130,
} as const;
