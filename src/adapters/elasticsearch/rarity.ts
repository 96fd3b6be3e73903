import type { Client } from '@elastic/elasticsearch';
import { SEARCHED_FIELDS } from '../../ports/search';
import { FIELDS } from './mapping';
import type { WeightedTerm } from './queries';

/** By field and term: what to multiply the server's score with. */
export type Corrections = ReadonlyMap<string, ReadonlyMap<string, number>>;

/**
 * The server judges how rare a word is in each field for itself: a common word that few titles have would count much in a
 * title. As in the embedded index it shall be how rare the word is in the chunk as a whole: idf(all) / idf(field). Asks for
 * the statistics of all words at once, by an invented chunk that has them.
 */
export async function rarityCorrections(
  client: Client,
  { index, routing, terms }: { index: string; routing: string; terms: WeightedTerm[] },
): Promise<Corrections> {
  const text = terms.map(({ term }) => term).join(' ');
  const fields = [FIELDS.all, ...SEARCHED_FIELDS.map((field) => FIELDS[field])];
  const { docs } = await client.mtermvectors({
    docs: [
      {
        _index: index,
        routing,
        doc: Object.fromEntries(fields.map((field) => [field, text])),
        fields,
        term_statistics: true,
        field_statistics: true,
        positions: false,
        offsets: false,
        payloads: false,
      },
    ],
  });
  const vectors = docs?.[0]?.term_vectors;
  const rarity = (field: string, term: string): number | undefined => {
    const vector = vectors?.[field];
    const chunks = vector?.terms[term]?.doc_freq ?? 0;
    return vector && chunks > 0 ? idf(vector.field_statistics?.doc_count ?? chunks, chunks) : undefined;
  };
  return new Map(
    SEARCHED_FIELDS.map((field) => [
      FIELDS[field],
      new Map(
        terms.map(({ term }) => {
          const inField = rarity(FIELDS[field], term);
          return [term, inField ? (rarity(FIELDS.all, term) ?? inField) / inField : 1];
        }),
      ),
    ]),
  );
}

const idf = (all: number, having: number): number => Math.log(1 + (all - having + 0.5) / (having + 0.5));
