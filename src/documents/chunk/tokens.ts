/* eslint-disable @typescript-eslint/no-require-imports -- loaded by the first count */
type CountTokens = (text: string) => number;

let count: CountTokens | undefined;

/** Tokens of a text in the o200k encoding, that of current models; other models' counts differ by some percent. */
export function countTokens(text: string): number {
  count ??= load();
  return count(text);
}

/** The encoding takes some 50 MB of memory: only who counts pays for it. */
function load(): CountTokens {
  const encoding =
    require('gpt-tokenizer/encoding/o200k_base') as typeof import('gpt-tokenizer/encoding/o200k_base');
  // Text that looks like a control token is text.
  const options = { disallowedSpecial: new Set<string>() };
  return (text) => encoding.countTokens(text, options);
}
