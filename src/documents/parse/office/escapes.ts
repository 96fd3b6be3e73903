/**
 * Characters that XML cannot hold are written `_xHHHH_` in Office files, and an underscore that would look like the beginning of
 * one `_x005F_` (ECMA-376 part 1, 22.9.2.19). Control characters among them mean nothing to a reader and become a space.
 */
export function unescapeOffice(text: string): string {
  if (!text.includes('_x')) return text;
  return text.replace(/_x([0-9a-f]{4})_/gi, (_, hex: string) => {
    const code = Number.parseInt(hex, 16);
    if (code === 0x0a) return '\n';
    return code < 0x20 || (code >= 0x7f && code < 0xa0) ? ' ' : String.fromCharCode(code);
  });
}
