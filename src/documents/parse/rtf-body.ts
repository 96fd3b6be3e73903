import { markdownTable } from './table';

/** A cell that goes on with the one above it, or beside it. */
interface CellPlan {
  goesOnAbove: boolean;
  goesOnBeside: boolean;
}

/** What would be read as a heading or a fence at the beginning of a line. */
const MISLEADING = /^(?=#{1,6}(?:[ \t]|$)|```|~~~)/gm;
const BULLET = /^[\u00b7\u2022\u25aa\u25cf\uf0b7\uf0a7o-]\s+(?=\S)/;

/** Paragraphs and tables of an RTF document, from its control words in their order. */
export class RtfBody {
  private readonly blocks: string[] = [];
  private readonly notes: string[] = [];
  private paragraph = '';
  private level = 0;
  private inTable = false;
  private plan: CellPlan[] = [];
  private next: CellPlan = { goesOnAbove: false, goesOnBeside: false };
  private cells: string[] = [];
  private cell: string[] = [];
  private rows: string[][] = [];
  /** Number of a style -> level of the heading that it makes. */
  private readonly styles = new Map<number, number>();
  private style = 0;

  text(text: string): void {
    this.paragraph += text;
  }

  /** A footnote or a remark: it stands behind the text, which it would tear. */
  beginNote(): void {
    this.notes.push('');
  }

  note(text: string): void {
    this.notes[this.notes.length - 1] += text;
  }

  styleControl(word: string, number: number): void {
    if (word === 's') this.style = number;
    if (word === 'outlinelevel' && number < 6) this.styles.set(this.style, number + 1);
  }

  styleName(name: string): void {
    const level = /^\s*heading ([1-6])\b/i.exec(name)?.[1];
    if (level) this.styles.set(this.style, Number(level));
  }

  control(word: string, number: number | null): void {
    switch (word) {
      case 'par':
      case 'sect':
      case 'page':
      case 'column':
        return this.endParagraph();
      case 'pard':
        this.level = 0;
        this.inTable = false;
        return;
      case 'intbl':
        this.inTable = true;
        return;
      case 's':
        this.level = this.styles.get(number ?? 0) ?? 0;
        return;
      case 'outlinelevel':
        if ((number ?? 9) < 6) this.level = (number ?? 0) + 1;
        return;
      case 'trowd':
        this.plan = [];
        return;
      case 'clvmrg':
        this.next.goesOnAbove = true;
        return;
      case 'clmrg':
        this.next.goesOnBeside = true;
        return;
      case 'cellx':
        this.plan.push(this.next);
        this.next = { goesOnAbove: false, goesOnBeside: false };
        return;
      case 'cell':
        return this.endCell();
      case 'nestcell':
        this.paragraph += ' ';
        return;
      case 'row':
        return this.endRow();
    }
  }

  end(): void {
    this.endParagraph();
    if (this.cells.length > 0 || this.cell.length > 0) this.endRow();
    this.endTable();
    for (const note of this.notes) {
      const text = note.replace(/\s+/g, ' ').trim();
      if (text !== '') this.blocks.push(`Note: ${text}`);
    }
  }

  markdown(): string {
    return this.blocks.join('\n\n');
  }

  private endParagraph(): void {
    const text = this.paragraph
      .replace(/[ \t]+/g, ' ')
      .replace(/ ?\n ?/g, '\n')
      .trim();
    this.paragraph = '';
    if (this.inTable) {
      if (text !== '') this.cell.push(text);
      return;
    }
    if (text === '') return;
    this.endTable();
    if (this.level > 0) this.blocks.push(`${'#'.repeat(this.level)} ${text.replace(/\n/g, ' ')}`);
    else this.addText(text.replace(MISLEADING, '\\').replace(BULLET, '- '));
  }

  /** Entries of a list stay together. */
  private addText(text: string): void {
    const last = this.blocks.length - 1;
    if (text.startsWith('- ') && this.blocks[last]?.startsWith('- ')) this.blocks[last] += `\n${text}`;
    else this.blocks.push(text);
  }

  private endCell(): void {
    this.inTable = true;
    this.endParagraph();
    this.cells.push(this.cell.join(' '));
    this.cell = [];
  }

  private endRow(): void {
    if (this.paragraph.trim() !== '' || this.cell.length > 0) this.endCell();
    const above = this.rows.at(-1);
    this.rows.push(
      this.cells.map((text, column) => {
        const plan = this.plan[column];
        if (text === '' && plan?.goesOnAbove) return above?.[column] ?? '';
        return text === '' && plan?.goesOnBeside ? (this.cells[column - 1] ?? '') : text;
      }),
    );
    this.cells = [];
  }

  private endTable(): void {
    if (this.rows.length === 0) return;
    const table = markdownTable(this.rows);
    if (table !== '') this.blocks.push(table);
    this.rows = [];
  }
}
