import { descendants, textOf, type XmlElement } from '../xml';
import { chosenChildren } from './alternatives';
import { unescapeOffice } from './escapes';
import { mathText } from './math';

/** A paragraph's runs, fields, formulas and line breaks. */
function paragraphText(paragraph: XmlElement): string {
  return chosenChildren(paragraph)
    .map((child) => {
      if (child.name === 'a:br') return '\n';
      if (child.name === 'a:r' || child.name === 'a:fld')
        return unescapeOffice(descendants(child, 'a:t').map(textOf).join(''));
      return /^(?:a14:m|m:oMath|m:oMathPara)$/.test(child.name) ? mathText(child) : '';
    })
    .join('');
}

/** Lines of a body of DrawingML, one a paragraph. */
export const bodyText = (body: XmlElement): string =>
  descendants(body, 'a:p')
    .map((paragraph) => paragraphText(paragraph).trim())
    .filter((line) => line !== '')
    .join('\n');
