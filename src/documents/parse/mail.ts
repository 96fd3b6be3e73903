/* eslint-disable @typescript-eslint/no-require-imports -- packages are loaded by the first file that needs them */
import type { Address, Attachment, Email } from 'postal-mime';
import { calendarText } from './calendar';
import { parseCsv } from './csv';
import { ParseFailure } from './failure';
import { htmlToMarkdown, parsePageText } from './html';
import { known, type ParsedBody } from './result';
import { decodeText, isUtf8, normalizeText } from './text';

/** A plain part that lacks more of the words of the HTML than this says something else: that there is HTML, say. */
const MISSED_SHARE = 0.3;
/** Texts of attachments that are read along, bytes together: more of them are documents of their own. */
const MAX_ATTACHED_BYTES = 5 * 1024 * 1024;
/** Messages within messages. */
const MAX_NESTED = 5;

function mailbox({ name, address, group }: Address): string {
  if (group) return `${name}: ${group.map(mailbox).join(', ')}`;
  return name && address ? `${name} <${address}>` : (address ?? name ?? '');
}

/** @throws ParseFailure `broken` */
async function open(bytes: Uint8Array): Promise<Email> {
  const PostalMime = require('postal-mime') as typeof import('postal-mime');
  return PostalMime.parse(asMime(bytes), { maxNestingDepth: 50, maxRfc822NestingDepth: MAX_NESTED }).catch(
    (error: unknown) => {
      throw new ParseFailure('broken', 'The e-mail is damaged and cannot be read.', null, error);
    },
  );
}

/** Mail is ASCII with parts in charsets that it declares; saved in UTF-16, or with bytes of no declared charset, it is not. */
function asMime(bytes: Uint8Array): Uint8Array {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const isWide = bytes[0] === 0xff || bytes[0] === 0xfe || bytes[1] === 0;
  if (!isWide && (head.includes('charset', 0, 'latin1') || isUtf8(bytes))) return bytes;
  return Buffer.from(decodeText(bytes).text, 'utf8');
}

/** @throws ParseFailure `broken` or `no_text` */
export async function parseEmail(bytes: Uint8Array): Promise<ParsedBody> {
  const mail = await open(bytes);
  const warnings: string[] = [];
  const text = await textOfMail(mail, { level: 1, left: { bytes: MAX_ATTACHED_BYTES }, warnings });
  const lists = listsOf(mail);
  return {
    text,
    markup: 'markdown',
    title: mail.subject ?? null,
    metadata: known({
      from: lists.from,
      to: lists.to,
      cc: lists.cc.length > 0 ? lists.cc : null,
      date: mail.date,
      message_id: mail.messageId,
      attachments: mail.attachments.map(nameOf),
    }),
    warnings,
  };
}

/** A page saved with its pictures. @throws ParseFailure `broken` or `no_text` */
export async function parseMht(bytes: Uint8Array): Promise<ParsedBody> {
  const mail = await open(bytes);
  if (!mail.html) {
    if (!mail.text?.trim()) throw new ParseFailure('no_text', 'The web archive holds no page.');
    return {
      text: normalizeText(mail.text).trim(),
      markup: 'plain',
      title: mail.subject ?? null,
      metadata: {},
    };
  }
  const page = parsePageText(mail.html);
  return {
    ...page,
    title: page.title ?? mail.subject ?? null,
    metadata: { ...page.metadata, ...known({ date: mail.date }) },
  };
}

const listsOf = ({ from, to, cc }: Email) => ({
  from: from && mailbox(from),
  to: (to ?? []).map(mailbox),
  cc: (cc ?? []).map(mailbox),
});

const nameOf = ({ filename, mimeType }: Attachment): string => filename ?? mimeType;

interface Reading {
  level: number;
  left: { bytes: number };
  warnings: string[];
}

async function textOfMail(mail: Email, reading: Reading): Promise<string> {
  const { from, to, cc } = listsOf(mail);
  const attached: string[] = [];
  const unread: string[] = [];
  for (const attachment of mail.attachments) {
    const text = await attachedText(attachment, reading);
    if (text !== null) attached.push(text);
    else if (!attachment.related) unread.push(nameOf(attachment));
  }
  if (unread.length > 0)
    reading.warnings.push(
      `Attachments are not read with the mail; upload them by themselves: ${unread.join(', ')}.`,
    );
  const body = bodyOf(mail);
  if (!mail.subject && !from && body === '' && attached.length === 0)
    throw new ParseFailure('no_text', 'The e-mail has neither headers nor text.');
  const names = mail.attachments.map(nameOf);
  const head = [
    from && `From: ${from}`,
    to.length > 0 && `To: ${to.join(', ')}`,
    cc.length > 0 && `Cc: ${cc.join(', ')}`,
    mail.date && `Date: ${mail.date}`,
  ];
  const parts = [
    mail.subject && `# ${mail.subject}`,
    head.filter(Boolean).join('\n'),
    body,
    names.length > 0 && `Attachments: ${names.join(', ')}`,
    ...attached,
  ];
  return normalizeText(parts.filter(Boolean).join('\n\n'));
}

/** The plain part, the HTML where the plain part is a stub, and both where each says something of its own. */
function bodyOf({ text, html }: Email): string {
  const plain = normalizeText(text ?? '').trim();
  if (!html) return plain;
  const page = normalizeText(htmlToMarkdown(html)).trim();
  if (plain === '') return page;
  const inPlain = distinctWords(plain);
  const inPage = distinctWords(page.replace(/\]\([^)\s]*\)/g, ']'));
  if (missedOf(inPage, inPlain) <= MISSED_SHARE) return plain;
  const isStub = inPlain.size <= inPage.size || missedOf(inPlain, inPage) <= MISSED_SHARE;
  return isStub ? page : `${plain}\n\n${page}`;
}

const distinctWords = (text: string): Set<string> => new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu));

/** The share of the words that the others lack. */
const missedOf = (words: Set<string>, others: Set<string>): number =>
  [...words].filter((word) => !others.has(word)).length / Math.max(1, words.size);

/** Null for what is no text, or too much of it. */
async function attachedText(attachment: Attachment, reading: Reading): Promise<string | null> {
  const { mimeType, filename } = attachment;
  const content = attachment.content as ArrayBuffer | Uint8Array;
  const bytes = content instanceof Uint8Array ? content : new Uint8Array(content);
  if (!/^(?:text\/|message\/rfc822$|application\/(?:json|ics)$)/.test(mimeType)) return null;
  if (bytes.length === 0 || bytes.length > reading.left.bytes || reading.level > MAX_NESTED) return null;
  reading.left.bytes -= bytes.length;
  try {
    const text = await readAttached(mimeType, bytes, reading);
    return filename ? `## ${filename}\n\n${text}` : text;
  } catch (error) {
    if (!(error instanceof ParseFailure)) throw error;
    return null;
  }
}

async function readAttached(mimeType: string, bytes: Uint8Array, reading: Reading): Promise<string> {
  if (mimeType === 'message/rfc822') {
    const text = await textOfMail(await open(bytes), { ...reading, level: reading.level + 1 });
    // Its subject stands below that of the mail that it came with.
    return text.replace(/^# /, '## ');
  }
  if (mimeType === 'text/html') return parsePageText(decodeText(bytes).text).text;
  if (mimeType === 'text/csv' || mimeType === 'text/tab-separated-values') return parseCsv(bytes).text;
  const { text } = decodeText(bytes);
  return /^BEGIN:VCALENDAR/i.test(text.trimStart()) ? calendarText(text) : text.trim();
}
