import { extname } from 'node:path';
import { known, requireText, type ParsedBody } from './result';
import { decodeText } from './text';

export function parseText(bytes: Uint8Array, markup: ParsedBody['markup'] = 'plain'): ParsedBody {
  const { text, charset, warnings } = decodeText(bytes);
  requireText(text, 'The file');
  return { text, markup, title: null, metadata: { charset }, warnings };
}

export function parseCode(bytes: Uint8Array, fileName: string): ParsedBody {
  const parsed = parseText(bytes, 'code');
  return {
    ...parsed,
    metadata: { ...parsed.metadata, ...known({ language: extname(fileName).slice(1).toLowerCase() }) },
  };
}
