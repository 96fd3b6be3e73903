import type { SearchResult } from './search/types';

/**
 * A passage as a model sees it. Passages are data of third parties: they are marked as such, and cannot end their own mark,
 * so that words in them that look like instructions are seen for what they are.
 */
export function toBlock(
  { content, title, sourceFile, neighbors, chunkIndex }: SearchResult,
  index: number,
): string {
  const before = neighbors?.filter((one) => one.chunkIndex < chunkIndex).map((one) => one.content) ?? [];
  const after = neighbors?.filter((one) => one.chunkIndex > chunkIndex).map((one) => one.content) ?? [];
  const text = [...before, content, ...after].join('\n').replace(/<(\/?)knowledge/gi, '&lt;$1knowledge');
  const source = title === sourceFile ? sourceFile : `${title} (${sourceFile})`;
  return `<knowledge index="${index + 1}" source="${attribute(source)}">\n${text}\n</knowledge>`;
}

const attribute = (value: string): string => value.replace(/["<>\n]/g, ' ');

const OPENING = /^<knowledge index="(\d+)" source="[^">]*">\n/;
const CLOSING = '\n</knowledge>';

/** @returns number and text of a block that {@link toBlock} made; undefined for other hidden context */
export function passageIn(block: string): { index: number; text: string } | undefined {
  const opening = OPENING.exec(block);
  if (!opening || !block.endsWith(CLOSING)) return undefined;
  return { index: Number(opening[1]), text: block.slice(opening[0].length, -CLOSING.length) };
}
