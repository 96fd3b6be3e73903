/** A head is that long at most; scripts and styles in it may be, too. */
const HEAD_BYTES = 1024 * 1024;

/** The charset that a page says of itself in its head, wherever in it; null without one. */
export function declaredCharset(bytes: Uint8Array): string | null {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, HEAD_BYTES)).toString(
    'latin1',
  );
  const xml = /^\s*<\?xml[^>]{0,200}?\bencoding\s*=\s*["']([\w.:-]+)["']/.exec(head)?.[1];
  if (xml) return xml;
  const written = head
    .replace(/<!--[^]*?(?:-->|$)/g, '')
    .replace(/<(script|style|title|noscript)\b[^]*?(?:<\/\1|$)/gi, '');
  return /<meta\b[^>]{0,1000}?\bcharset\s*=\s*["']?\s*([\w.:-]+)/i.exec(written)?.[1] ?? null;
}
