import { isDeepStrictEqual } from 'node:util';
import type { JsonValue } from '../ports/records';
import { Complaints } from './complaints';
import { KNOWLEDGE_LIMITS } from './limits';

const DEFAULT_WITHIN = 5;
const EXPECTED_CHARACTERS = 2_000;

/** A question that the base must answer: one of its best results fits every expectation that is given. */
export interface GoldenQuery {
  query: string;
  /** The document that answers. */
  documentId: string | null;
  /** Its file name. */
  sourceFile: string | null;
  /** Words that the passage holds, whatever the case. */
  contains: string | null;
  /** How far down the answer may be, 1 to 100. */
  within: number;
}

export interface GateResult {
  query: string;
  passed: boolean;
  /** Place of the first result that fits, from 1; null when none does. */
  rank: number | null;
  reason: string | null;
}

export interface GateReport {
  passed: boolean;
  queries: GateResult[];
}

export type GoldenQueryForm = { query: string } & Partial<{
  [Field in Exclude<keyof GoldenQuery, 'query'>]: GoldenQuery[Field] | null;
}>;

/** @throws DomainError `validation_failed` naming every bad field */
export function acceptGoldenQueries(forms: GoldenQueryForm[]): GoldenQuery[] {
  const complaints = new Complaints();
  if (forms.length > KNOWLEDGE_LIMITS.goldenQueries)
    complaints.add('queries', `must be at most ${KNOWLEDGE_LIMITS.goldenQueries}, are ${forms.length}`);
  const accepted = forms.map((form, index) => {
    const path = `queries.${index}`;
    if (form.query.trim() === '') complaints.add(`${path}.query`, 'must not be empty');
    complaints.text(`${path}.query`, form.query, KNOWLEDGE_LIMITS.queryCharacters);
    complaints.text(`${path}.contains`, form.contains, EXPECTED_CHARACTERS);
    complaints.range(`${path}.within`, form.within, {
      min: 1,
      max: KNOWLEDGE_LIMITS.resultsAtMost,
      whole: true,
    });
    if (!form.documentId && !form.sourceFile && !form.contains)
      complaints.add(path, 'must say what answers it: document_id, source_file or contains');
    return {
      query: form.query,
      documentId: form.documentId ?? null,
      sourceFile: form.sourceFile ?? null,
      contains: form.contains ?? null,
      within: form.within ?? DEFAULT_WITHIN,
    };
  });
  complaints.throwIfAny();
  return accepted;
}

export const storedGoldenQueries = (value: JsonValue): GoldenQuery[] =>
  Array.isArray(value) ? (value as unknown as GoldenQuery[]) : [];

/** Whether every query that is stored is among the new ones, as it is. */
export const keepsGoldenQueries = (stored: JsonValue, queries: GoldenQuery[]): boolean =>
  storedGoldenQueries(stored).every((one) => queries.some((query) => isDeepStrictEqual(query, one)));

interface Answer {
  documentId: string;
  sourceFile: string;
  content: string;
}

/** Whether the results of a golden query answer it. */
export function judge(golden: GoldenQuery, results: Answer[]): GateResult {
  const index = results.slice(0, golden.within).findIndex((result) => fits(golden, result));
  if (index >= 0) return { query: golden.query, passed: true, rank: index + 1, reason: null };
  const wanted = [
    ...(golden.documentId ? [`document ${golden.documentId}`] : []),
    ...(golden.sourceFile ? [`file ${golden.sourceFile}`] : []),
    ...(golden.contains ? [`the words "${golden.contains}"`] : []),
  ].join(' with ');
  const reason = `${wanted} is not among the first ${golden.within} results`;
  return { query: golden.query, passed: false, rank: null, reason };
}

function fits({ documentId, sourceFile, contains }: GoldenQuery, answer: Answer): boolean {
  if (documentId !== null && answer.documentId !== documentId) return false;
  if (sourceFile !== null && answer.sourceFile !== sourceFile) return false;
  return contains === null || answer.content.toLowerCase().includes(contains.toLowerCase());
}
