/** Which of some words a mistyped one was to be: one letter too many, missing or another, two in the wrong order, or its beginning. Pure. */
export function similar(typed: string, words: readonly string[]): string | undefined {
  if (typed.length < 3) return undefined;
  return words.find((word) => word.startsWith(typed)) ?? words.find((word) => isSlip(typed, word));
}

function isSlip(typed: string, word: string): boolean {
  let i = 0;
  while (i < typed.length && typed[i] === word[i]) i++;
  const [wrong, right] = [typed.slice(i), word.slice(i)];
  return wrong.slice(1) === right || wrong === right.slice(1) || wrong.slice(1) === right.slice(1) || swapped(wrong) === right;
}

const swapped = (text: string): string => `${text[1] ?? ''}${text[0] ?? ''}${text.slice(2)}`;
