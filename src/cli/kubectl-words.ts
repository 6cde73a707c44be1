/** kubectl's commands that ask no API server. */
const LOCAL = new Set(['help', 'options', 'completion', 'kustomize', 'plugin', 'config']);

/** Whether a command line of kubectl works without a cluster. */
export function needsNoCluster(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  const words = end < 0 ? args : args.slice(0, end);
  return words.length === 0 || LOCAL.has(words[0]!) || words.some((w) => w === '--help' || w === '-h' || w === '--client');
}
