export { keptOutcome, outcomeOfText } from './outcome';
export { asJson, comparable, exactNumber, JsonNumber, keepsValue, numberProblem } from './number';
export { lostTextAt, placeOf, textAt } from './place';
export {
  clientNumber,
  exactField,
  exactNumbers,
  exactTexts,
  JsonProblem,
  MAX_JSON_DEPTH,
  readClientJson,
  readExactJson,
  setOwn,
} from './read';
export {
  bigIntegers,
  checkJson,
  inexactNumber,
  keyWithNul,
  parseStorable,
  numbersAsTexts,
  plainNumbers,
  storableJson,
} from './storable';
