import { type GateReport, judge, storedGoldenQueries } from './golden-queries';
import type { Work } from './ingestion/work';
import { acceptSearch } from './search/options';
import type { KnowledgeSearch } from './search/search';

/** Asks the golden queries of a base of a generation that is not live yet, as an ordinary search would ask them. */
export async function askGoldenQueries(
  search: KnowledgeSearch,
  { store, base, progress }: Work,
  generation: number,
): Promise<GateReport> {
  const current = await store.knowledge.findBase(base.id);
  const golden = storedGoldenQueries((current ?? base).goldenQueries);
  const queries = [];
  for (const one of golden) {
    const options = acceptSearch(one.query, { limit: one.within });
    const { createdBy } = progress.state.job;
    const { documents } = await search.searchIn(store, [{ base, generation }], one.query, options, createdBy);
    queries.push(judge(one, documents));
  }
  return { passed: queries.every(({ passed }) => passed), queries };
}
