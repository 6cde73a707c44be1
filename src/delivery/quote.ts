/** What others said, as it may be repeated in a message. Pure. */

/** How much of it. */
const LONGEST_QUOTE = 300;

/** On one line, and not too long. */
export function quote(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > LONGEST_QUOTE ? `${line.slice(0, LONGEST_QUOTE)}...` : line;
}

/** Without the secrets: servers repeat what they were sent. Values too short to be secrets would tear up the text. */
export function hidden(text: string, secrets: readonly (string | undefined)[]): string {
  return secrets.reduce<string>((t, secret) => (secret && secret.length >= 6 ? t.replaceAll(secret, '***') : t), text);
}
