/**
 * Replaces `$(NAME)` by the value of NAME, as Kubernetes does in `command`, `args` and `env`: what is not known stays as
 * it is written, and `$$(NAME)` stands for the text `$(NAME)`.
 */
export function expand(text: string, value: (name: string) => string | undefined): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) => (name === undefined ? '$' : (value(name) ?? whole)));
}
