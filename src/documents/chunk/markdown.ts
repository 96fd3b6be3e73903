import { verbatimEnd } from '../markdown-verbatim';
import { paragraph } from './sentences';
import { linesOf, trim, type Block, type Span } from './spans';

const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/;
/** For trimmed lines. */
const TABLE_RULE = /^\|?(?:\s*:?-+:?\s*\|)*\s*:?-+:?\s*\|?$/;
const LIST_ITEM = /^\s*(?:[-*+]|\d{1,9}[.)])\s+/;
const UNDERLINE = /^ {0,3}(=+|-{3,})[ \t]*$/;

/** Lines that a heading may have above its underline. */
const MAX_HEADING_LINES = 3;

/** Longer lines that begin like a heading are none; it also bounds the time that the pattern takes. */
const MAX_HEADING = 1_000;

/** A header longer than this is not repeated: it would leave no room for rows. */
const MAX_PREFIX = 400;

/** Headings, tables, fenced code, lists and paragraphs of Markdown. */
export const markdownBlocks = (text: string): Block[] => new MarkdownReader(text).read();

class MarkdownReader {
  private readonly lines: Span[];
  private readonly blocks: Block[] = [];
  private readonly path: { level: number; title: string }[] = [];
  private at = 0;

  constructor(private readonly text: string) {
    this.lines = [...linesOf(text, { start: 0, end: text.length })];
  }

  read(): Block[] {
    while (this.at < this.lines.length) {
      const line = this.line(this.at);
      const verbatim = this.verbatimEnd(this.at);
      if (line.trim() === '') this.at++;
      else if (this.isHeading(line)) this.heading();
      else if (verbatim > this.at) {
        this.pushLines(this.at, verbatim);
        this.at = verbatim;
      } else if (this.isTable(this.at)) this.table();
      else if (LIST_ITEM.test(line)) this.list();
      else this.paragraph();
    }
    return this.blocks;
  }

  private line(index: number): string {
    const span = this.lines[index];
    return span ? this.text.slice(span.start, span.end) : '';
  }

  private get headings(): string[] {
    return this.path.map(({ title }) => title);
  }

  private enter(level: number, title: string): void {
    while (this.path.length > 0 && this.path.at(-1)!.level >= level) this.path.pop();
    if (title !== '') this.path.push({ level, title });
  }

  private heading(): void {
    const [, marks, title = ''] = HEADING.exec(this.line(this.at))!;
    this.enter(marks!.length, title.trim());
    this.pushHeading(this.at, this.at);
    this.at++;
  }

  private pushHeading(from: number, to: number): void {
    const span = { start: this.lines[from]!.start, end: this.lines[to]!.end };
    this.blocks.push({ ...span, units: [span], headings: this.headings, isHeading: true });
  }

  private verbatimEnd(index: number): number {
    return verbatimEnd((at) => (at < this.lines.length ? this.line(at) : undefined), index);
  }

  private isHeading(line: string): boolean {
    return line.length <= MAX_HEADING && HEADING.test(line);
  }

  private isTable(index: number): boolean {
    const rule = this.line(index + 1);
    return this.line(index).includes('|') && rule.includes('|') && TABLE_RULE.test(rule.trim());
  }

  private table(): void {
    const from = this.at;
    this.at += 2;
    while (this.at < this.lines.length && this.line(this.at).includes('|')) this.at++;
    const rows = this.lines.slice(from + 2, this.at);
    const head = { start: this.lines[from]!.start, end: this.lines[from + 1]!.end };
    // The header stays with the first row: alone it says nothing.
    const units = [{ start: head.start, end: rows[0]?.end ?? head.end }, ...rows.slice(1)];
    const prefix = `${this.text.slice(head.start, head.end)}\n`;
    this.blocks.push({
      start: head.start,
      end: units.at(-1)!.end,
      units,
      headings: this.headings,
      keepUnits: true,
      ...(prefix.length <= MAX_PREFIX ? { prefix } : {}),
    });
  }

  private pushLines(from: number, to: number): void {
    const units = this.lines
      .slice(from, to)
      .map((span) => trim(this.text, span) && { start: span.start, end: span.end })
      .filter((span): span is Span => span !== null);
    if (units.length === 0) return;
    this.blocks.push({ start: units[0]!.start, end: units.at(-1)!.end, units, headings: this.headings });
  }

  /** Each entry, with the lines that go on with it, is a block. */
  private list(): void {
    while (this.at < this.lines.length && LIST_ITEM.test(this.line(this.at))) {
      const from = this.at++;
      while (this.at < this.lines.length && this.continues(this.at)) this.at++;
      this.pushText(from, this.at);
    }
  }

  private continues(index: number): boolean {
    const line = this.line(index);
    return (
      line.trim() !== '' &&
      !LIST_ITEM.test(line) &&
      !this.isHeading(line) &&
      this.verbatimEnd(index) === index &&
      !this.isTable(index)
    );
  }

  private paragraph(): void {
    const from = this.at++;
    while (this.at < this.lines.length && this.continues(this.at)) {
      const underline = UNDERLINE.exec(this.line(this.at));
      if (underline && this.at - from <= MAX_HEADING_LINES) {
        const title = Array.from({ length: this.at - from }, (_, index) =>
          this.line(from + index).trim(),
        ).join(' ');
        this.enter(underline[1]!.startsWith('=') ? 1 : 2, title);
        this.pushHeading(from, this.at);
        this.at++;
        return;
      }
      this.at++;
    }
    this.pushText(from, this.at);
  }

  private pushText(from: number, to: number): void {
    const span = trim(this.text, { start: this.lines[from]!.start, end: this.lines[to - 1]!.end });
    if (span) this.blocks.push(paragraph(this.text, span, this.headings));
  }
}
