/** Longer texts of cells that span others stand once: repeating them helps nobody, and a file may repeat them without end. */
const MAX_REPEATED = 500;

/** What a cell that another one spans shows of it. */
export const repeated = (text: string | undefined): string =>
  text !== undefined && text.length <= MAX_REPEATED ? text : '';
