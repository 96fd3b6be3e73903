/** What people filled into a PDF and wrote on it: fields of forms, and notes. */

/** An annotation of pdf.js, as far as it is used. */
export interface Annotation {
  subtype?: string;
  /** Left, bottom, right, top. */
  rect?: number[];
  hidden?: boolean;
  fieldName?: string;
  /** `Tx`, `Ch`, `Btn`, `Sig` */
  fieldType?: string;
  fieldValue?: unknown;
  /** What the reader of a form is told of a field. */
  alternativeText?: string;
  password?: boolean;
  checkBox?: boolean;
  radioButton?: boolean;
  exportValue?: string;
  buttonValue?: string | null;
  options?: { exportValue?: string | null; displayValue?: string | null }[];
  contentsObj?: { str?: string };
  richText?: { str?: string } | null;
  textContent?: string[];
}

export interface FormField {
  name: string;
  value: string;
  rect: [number, number, number, number];
  /** Whether it is ticked and not written in. */
  isBox: boolean;
}

/** Ticked, as in Markdown's lists of tasks. */
const TICKED = '[x]';

export const fieldsOf = (annotations: Annotation[]): FormField[] =>
  annotations.flatMap((annotation) => {
    if (annotation.subtype !== 'Widget' || annotation.hidden) return [];
    const value = valueOf(annotation)
      .replace(/\s*[\r\n]+\s*/g, ' ')
      .trim();
    const { rect = [], alternativeText, fieldName, fieldType } = annotation;
    if (value === '' || rect.length !== 4) return [];
    return [
      {
        name: (alternativeText || fieldName || '').trim(),
        value,
        rect: rect as FormField['rect'],
        isBox: fieldType === 'Btn',
      },
    ];
  });

function valueOf(annotation: Annotation): string {
  const { fieldType, fieldValue, password, options = [] } = annotation;
  if (fieldType === 'Btn') return isTicked(annotation) ? TICKED : '';
  if (password || (fieldType !== 'Tx' && fieldType !== 'Ch')) return '';
  const values = (Array.isArray(fieldValue) ? fieldValue : [fieldValue]).filter(
    (value): value is string => typeof value === 'string' && value.trim() !== '',
  );
  return values
    .map((value) => options.find(({ exportValue }) => exportValue === value)?.displayValue || value)
    .join(', ');
}

function isTicked({ checkBox, radioButton, fieldValue, exportValue, buttonValue }: Annotation): boolean {
  if (typeof fieldValue !== 'string' || fieldValue === '' || fieldValue === 'Off') return false;
  if (checkBox) return exportValue === undefined || fieldValue === exportValue;
  return radioButton === true && fieldValue === buttonValue;
}

/** Annotations that hold words of their own; a popup only shows those of another one. */
const NOTES: ReadonlySet<string> = new Set(
  'Text FreeText Highlight Underline StrikeOut Squiggly Caret Line Square Circle Polygon PolyLine Ink Stamp'.split(
    ' ',
  ),
);

export const notesOf = (annotations: Annotation[]): string[] =>
  annotations.flatMap((annotation) => {
    const { subtype = '', hidden, contentsObj, richText, textContent } = annotation;
    if (hidden || !NOTES.has(subtype)) return [];
    const text = (contentsObj?.str || richText?.str || textContent?.join('\n') || '').trim();
    if (text === '') return [];
    return [subtype === 'FreeText' ? text : `Note: ${text}`];
  });
