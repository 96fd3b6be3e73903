/** Collects what of a file could not be read, and says it in sentences for the user. */
export class Report {
  private readonly sentences = new Set<string>();
  private pictures = 0;
  private objects = 0;

  say(sentence: string): void {
    this.sentences.add(sentence);
  }

  /** A picture without a description. */
  picture(): void {
    this.pictures++;
  }

  /** Something of another program that is embedded and not read. */
  object(): void {
    this.objects++;
  }

  warnings(): string[] {
    const warnings = [...this.sentences];
    if (this.pictures > 0)
      warnings.push(
        `${counted(this.pictures, 'picture has', 'pictures have')} no description and cannot be read.`,
      );
    if (this.objects > 0)
      warnings.push(`${counted(this.objects, 'embedded object was', 'embedded objects were')} not read.`);
    return warnings;
  }
}

export const counted = (count: number, one: string, many: string): string =>
  count === 1 ? `1 ${one}` : `${count} ${many}`;
