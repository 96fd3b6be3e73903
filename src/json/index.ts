export { keptOutcome, outcomeOfText } from './outcome';
export { comparable, exactNumber, JsonNumber, numberProblem } from './number';
export { isInOrder, orderedNumber } from './ordered';
export { lostTextAt, placeOf, textAt } from './place';
export {
  clientNumber,
  exactField,
  exactNumbers,
  exactTexts,
  JsonProblem,
  MAX_JSON_DEPTH,
  mayHaveTexts,
  readClientJson,
  readExactJson,
  setOwn,
} from './read';
export {
  bigIntegers,
  checkJson,
  keyWithNul,
  parseStorable,
  numbersAsTexts,
  plainNumbers,
  storableJson,
} from './storable';
