import { decodeWindows1252 } from './charset';
import { ParseFailure } from './failure';
import { known, firstHeading, type ParsedBody, requireText } from './result';
import { RtfBody } from './rtf-body';
import { normalizeText } from './text';

/** Written documents are some ten groups deep. */
const MAX_DEPTH = 1_000;

/** `\fcharsetN` of a font, and code pages of the document, as TextDecoder calls them. */
const CHARSETS: Record<number, string> = {
  77: 'macintosh',
  128: 'shift_jis',
  129: 'euc-kr',
  134: 'gb18030',
  136: 'big5',
  161: 'windows-1253',
  162: 'windows-1254',
  163: 'windows-1258',
  177: 'windows-1255',
  178: 'windows-1256',
  186: 'windows-1257',
  204: 'windows-1251',
  222: 'windows-874',
  238: 'windows-1250',
};
const CODE_PAGES: Record<number, string> = {
  866: 'ibm866',
  874: 'windows-874',
  932: 'shift_jis',
  936: 'gb18030',
  949: 'euc-kr',
  950: 'big5',
  10000: 'macintosh',
  65001: 'utf-8',
};

/** Groups that are no text of the document. */
const SKIPPED = new Set(
  (
    'colortbl stylesheet pict objdata header headerl headerr headerf footer footerl footerr footerf fldinst xe tc ' +
    'nonshppict listtable listoverridetable revtbl rsidtbl generator themedata colorschememapping datastore latentstyles ' +
    'xmlnstbl bkmkstart bkmkend filetbl private ftnsep ftnsepc aftnsep aftnsepc template passwordhash ' +
    'htmltag mhtmltag sp shprslt'
  ).split(' '),
);
/** Groups that readers of old may skip (`\*`) and that hold text. */
const KEPT_EXTENSIONS = new Set([
  'shpinst',
  'shptxt',
  'shppict',
  'annotation',
  'nesttableprops',
  'do',
  'dptxbxtext',
]);
const INFO = new Set(['title', 'author', 'subject', 'keywords']);
/** Characters that have words of their own. */
const SIGNS: Record<string, string> = {
  tab: '\t',
  emdash: '—',
  endash: '–',
  lquote: '‘',
  rquote: '’',
  ldblquote: '“',
  rdblquote: '”',
  bullet: '•',
  emspace: ' ',
  enspace: ' ',
  qmspace: ' ',
  line: '\n',
  softline: '\n',
};

interface Group {
  /** What becomes of its text. */
  target: 'body' | 'note' | 'skip' | 'fonts' | 'styles' | 'info' | (string & {});
  charset: string;
  /** Characters that stand for one `\u` where that is not read. */
  fallback: number;
  hidden: boolean;
}

/** Control word with its number and one blank, control sign, group, or text. */
const TOKEN =
  /\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|([^\\{}\r\n]+)|[\r\n]+|\\$/g;

class RtfReader {
  readonly body = new RtfBody();
  readonly info: Record<string, string> = {};
  pictures = 0;
  private readonly groups: Group[] = [];
  private group: Group = { target: 'body', charset: 'windows-1252', fallback: 1, hidden: false };
  private readonly fonts = new Map<number, string>();
  private font = 0;
  private documentCharset = 'windows-1252';
  private isExtension = false;
  private toSkip = 0;
  private bytes: number[] = [];

  constructor(private readonly source: string) {}

  read(): void {
    TOKEN.lastIndex = 0;
    for (let token = TOKEN.exec(this.source); token; token = TOKEN.exec(this.source)) {
      const [, word, number, hex, sign, brace, text] = token;
      if (word !== undefined) this.word(word, number === undefined ? null : Number(number));
      else if (hex !== undefined) this.byte(Number.parseInt(hex, 16));
      else if (sign !== undefined) this.sign(sign);
      else if (brace === '{') this.openGroup();
      else if (brace === '}') this.closeGroup();
      else if (text !== undefined) this.text(text);
    }
    this.flush();
    this.body.end();
  }

  private openGroup(): void {
    this.flush();
    if (this.groups.length >= MAX_DEPTH)
      throw new ParseFailure('too_large', `The document is nested more than ${MAX_DEPTH} groups deep.`);
    this.groups.push(this.group);
    this.group = { ...this.group };
    this.isExtension = false;
    this.toSkip = 0;
  }

  private closeGroup(): void {
    this.flush();
    this.group = this.groups.pop() ?? this.group;
    this.toSkip = 0;
  }

  private text(text: string): void {
    for (let at = 0; at < text.length; at++) {
      if (this.toSkip > 0) this.toSkip--;
      else this.bytes.push(text.charCodeAt(at));
    }
  }

  private byte(byte: number): void {
    if (this.toSkip > 0) this.toSkip--;
    else this.bytes.push(byte);
  }

  private sign(sign: string): void {
    if (sign === '*') this.isExtension = true;
    else if (this.toSkip > 0) this.toSkip--;
    else if (sign === '~') this.write('\u00a0');
    else if (sign === '_') this.write('-');
    else if (sign === '\n' || sign === '\r') {
      this.flush();
      this.control('par', null);
    } else if (sign === '\\' || sign === '{' || sign === '}') this.bytes.push(sign.charCodeAt(0));
  }

  private word(word: string, number: number | null): void {
    if (word === 'u') {
      this.flush();
      if (number !== null) this.write(String.fromCharCode(number & 0xffff));
      this.toSkip = this.group.fallback;
      return;
    }
    if (word === 'bin') {
      this.flush();
      TOKEN.lastIndex += Math.max(0, number ?? 0);
      return;
    }
    if (this.toSkip > 0) {
      this.toSkip--;
      return;
    }
    this.flush();
    this.control(word, number);
    this.isExtension = false;
  }

  /** Text goes through the charset that held when it was written. */
  private flush(): void {
    if (this.bytes.length === 0) return;
    const bytes = Uint8Array.from(this.bytes);
    this.bytes = [];
    const { charset } = this.group;
    this.write(
      charset === 'windows-1252' ? decodeWindows1252(bytes) : new TextDecoder(charset).decode(bytes),
    );
  }

  private write(text: string): void {
    const { target, hidden } = this.group;
    if (target === 'body') {
      if (!hidden) this.body.text(text);
    } else if (target === 'note') this.body.note(text);
    else if (target === 'styles') this.body.styleName(text);
    else if (INFO.has(target)) this.info[target] = (this.info[target] ?? '') + text;
  }

  private control(word: string, number: number | null): void {
    if (this.destination(word)) return;
    const { group } = this;
    if (group.target === 'fonts') {
      if (word === 'f') this.font = number ?? 0;
      if (word === 'fcharset' && CHARSETS[number ?? 0]) this.fonts.set(this.font, CHARSETS[number ?? 0]!);
      return;
    }
    if (group.target === 'styles') return this.body.styleControl(word, number ?? 0);
    switch (word) {
      case 'ansicpg':
        group.charset = this.documentCharset = codePage(number ?? 1252);
        return;
      case 'mac':
        group.charset = this.documentCharset = 'macintosh';
        return;
      case 'f':
        group.charset = this.fonts.get(number ?? 0) ?? this.documentCharset;
        return;
      case 'plain':
        group.charset = this.documentCharset;
        group.hidden = false;
        return;
      case 'uc':
        group.fallback = Math.min(Math.max(0, number ?? 1), 10);
        return;
      case 'v':
      case 'deleted':
      case 'htmlrtf':
        group.hidden = number !== 0;
        return;
    }
    if (SIGNS[word] !== undefined) return this.write(SIGNS[word]);
    if (group.target === 'note' && word === 'par') return this.body.note(' ');
    if (group.target !== 'body') return;
    this.body.control(word, number);
  }

  /** Whether the word says what the text of its group is for. */
  private destination(word: string): boolean {
    const { group } = this;
    if (word === 'pict' && group.target === 'body') this.pictures++;
    if (word === 'fonttbl') group.target = 'fonts';
    else if (word === 'stylesheet' && group.target !== 'skip') group.target = 'styles';
    else if (word === 'info') group.target = 'info';
    else if (group.target.startsWith('info') && INFO.has(word)) group.target = word;
    else if (
      SKIPPED.has(word) ||
      (this.isExtension && !KEPT_EXTENSIONS.has(word) && group.target !== 'styles')
    )
      group.target = 'skip';
    else if ((word === 'footnote' || word === 'annotation') && group.target === 'body') {
      group.target = 'note';
      this.body.beginNote();
    } else return false;
    return true;
  }
}

function codePage(number: number): string {
  if (CODE_PAGES[number]) return CODE_PAGES[number];
  return number >= 1250 && number <= 1258 ? `windows-${number}` : 'windows-1252';
}

/** Rich Text Format 1.9, as word processors, mail programs and converters write it. @throws ParseFailure */
export function parseRtf(bytes: Uint8Array): ParsedBody {
  const reader = new RtfReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'));
  reader.read();
  const text = normalizeText(reader.body.markdown()).trim();
  requireText(text, 'The document');
  const { title, author, subject, keywords } = reader.info;
  return {
    text,
    markup: 'markdown',
    title: title?.trim() || firstHeading(text),
    metadata: known({ author: author?.trim(), subject: subject?.trim(), keywords: keywords?.trim() }),
    warnings: reader.pictures > 0 ? [`Pictures in the document cannot be read: ${reader.pictures}.`] : [],
  };
}
