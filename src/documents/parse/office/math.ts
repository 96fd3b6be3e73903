import { childNamed, elementsOf, textOf, type XmlElement } from '../xml';

/** Formulas of Office (ECMA-376 part 1, 22.1) as a line of text: `A=πr²`, `(a+b)/2`, `∑_(i=1)^n i`. */

const SUPERSCRIPT: Readonly<Record<string, string>> = Object.fromEntries(
  [...'0123456789+-=()ni'].map((character, index) => [character, [...'⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ'][index]!]),
);
const SUBSCRIPT: Readonly<Record<string, string>> = Object.fromEntries(
  [...'0123456789+-=()'].map((character, index) => [character, [...'₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎'][index]!]),
);

type Writer = (element: XmlElement) => string;

const part = (element: XmlElement, name: string): string => {
  const child = childNamed(element, name);
  return child ? mathText(child) : '';
};

const property = (element: XmlElement, properties: string, name: string): string | undefined => {
  const child = childNamed(childNamed(element, properties), name);
  return child && (child.attributes['m:val'] ?? child.attributes.val ?? '');
};

/** One sign or number needs no brackets. */
const grouped = (text: string): string => (/^(?:[\p{L}\p{N}.]+|.)$/u.test(text) ? text : `(${text})`);

function raised(text: string, signs: Readonly<Record<string, string>>, mark: string): string {
  if (text === '') return '';
  const characters = [...text.replaceAll('−', '-')];
  return characters.every((character) => signs[character] !== undefined)
    ? characters.map((character) => signs[character]).join('')
    : `${mark}${grouped(text)}`;
}

const above = (element: XmlElement): string => raised(part(element, 'm:sup'), SUPERSCRIPT, '^');
const below = (element: XmlElement): string => raised(part(element, 'm:sub'), SUBSCRIPT, '_');
const all = (element: XmlElement, name: string): string[] =>
  elementsOf(element)
    .filter((child) => child.name === name)
    .map(mathText);

const WRITERS: Readonly<Record<string, Writer>> = {
  'm:f': (e) => `${grouped(part(e, 'm:num'))}/${grouped(part(e, 'm:den'))}`,
  'm:sSup': (e) => part(e, 'm:e') + above(e),
  'm:sSub': (e) => part(e, 'm:e') + below(e),
  'm:sSubSup': (e) => part(e, 'm:e') + below(e) + above(e),
  'm:sPre': (e) => below(e) + above(e) + part(e, 'm:e'),
  'm:rad': (e) => `${raised(part(e, 'm:deg'), SUPERSCRIPT, '')}√${grouped(part(e, 'm:e'))}`,
  'm:nary': (e) => `${property(e, 'm:naryPr', 'm:chr') ?? '∫'}${below(e)}${above(e)} ${part(e, 'm:e')}`,
  'm:func': (e) => `${part(e, 'm:fName')} ${part(e, 'm:e')}`,
  'm:limLow': (e) => part(e, 'm:e') + raised(part(e, 'm:lim'), SUBSCRIPT, '_'),
  'm:limUpp': (e) => part(e, 'm:e') + raised(part(e, 'm:lim'), SUPERSCRIPT, '^'),
  'm:acc': (e) => part(e, 'm:e') + (property(e, 'm:accPr', 'm:chr') ?? '\u0302'),
  'm:d': (e) =>
    (property(e, 'm:dPr', 'm:begChr') ?? '(') +
    all(e, 'm:e').join(property(e, 'm:dPr', 'm:sepChr') ?? '|') +
    (property(e, 'm:dPr', 'm:endChr') ?? ')'),
  'm:eqArr': (e) => all(e, 'm:e').join('; '),
  'm:m': (e) => all(e, 'm:mr').join('; '),
  'm:mr': (e) => all(e, 'm:e').join(', '),
  'm:oMathPara': (e) => all(e, 'm:oMath').join('\n'),
  'm:t': textOf,
  'w:t': textOf,
  'a:t': textOf,
  // What a change took away.
  'w:del': () => '',
  'w:moveFrom': () => '',
};

/** @param element `m:oMathPara`, `m:oMath` or what is in them */
export function mathText(element: XmlElement): string {
  const writer = WRITERS[element.name];
  if (writer) return writer(element);
  return elementsOf(element)
    .filter(({ name }) => !name.endsWith('Pr'))
    .map(mathText)
    .join('');
}
