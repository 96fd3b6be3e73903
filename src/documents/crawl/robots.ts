/** Lines that are read at most: sites of search engines have some thousands. */
const MAX_LINES = 20_000;
/** Rules for us at most; every address is compared with each. */
const MAX_RULES = 2_000;
/** Longer patterns are no addresses. UTF-16 code units. */
const MAX_PATTERN = 1_024;
/** An address is compared with each character behind a `*` at each of its own places: all rules together have so many. */
const MAX_BEHIND_STARS = 8_192;

/**
 * What a robots.txt says to one crawler, in bounds within which it is read and matched fast. What does not fit is read as the
 * stricter rule: a `Disallow` loses its end, an `Allow` is left out.
 * @param crawler its name in lower case
 */
export function boundedRobots(text: string, crawler: string): string {
  const kept: string[] = [];
  /** User agents of the group that is read; a rule ends their list. */
  let agents = new Set<string>();
  let hasRules = true;
  let rules = 0;
  let behindStars = MAX_BEHIND_STARS;
  for (const line of linesOf(text)) {
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === 'user-agent') {
      if (hasRules) agents = new Set();
      hasRules = false;
      const agent = agentOf(value, crawler);
      if (agents.has(agent)) continue;
      agents.add(agent);
      kept.push(`User-agent: ${agent}`);
      continue;
    }
    hasRules = true;
    if (!agents.has('*') && !agents.has(crawler)) continue;
    if (name === 'crawl-delay') kept.push(`Crawl-delay: ${value.slice(0, MAX_PATTERN)}`);
    if (name !== 'allow' && name !== 'disallow') continue;
    if (++rules > MAX_RULES) continue;
    const pattern = value.replace(/\*{2,}/g, '*');
    const star = pattern.indexOf('*');
    const cost = star < 0 ? 0 : pattern.length - star;
    const fits = pattern.length <= MAX_PATTERN && cost <= behindStars;
    if (fits) {
      behindStars -= cost;
      kept.push(`${name}: ${pattern}`);
    } else if (name === 'disallow')
      kept.push(`disallow: ${pattern.slice(0, star < 0 ? MAX_PATTERN : star) || '/'}`);
  }
  return kept.join('\n');
}

/** Others' names are one: only ours and `*` mean something to us. */
function agentOf(value: string, crawler: string): string {
  const [agent] = value.slice(0, MAX_PATTERN).toLowerCase().split('/');
  const name = agent!.trim();
  return name === crawler || name === '*' ? name : 'other';
}

/** Lines without their comments; the end of a file of very many lines is not read. */
function* linesOf(text: string): Generator<string> {
  const end = /\r\n|\r|\n|$/g;
  for (let at = 0, count = 0; at < text.length && count < MAX_LINES; count++) {
    end.lastIndex = at;
    const found = end.exec(text)!;
    const line = text.slice(at, found.index);
    at = found.index + (found[0].length || 1);
    const comment = line.indexOf('#');
    yield comment < 0 ? line : line.slice(0, comment);
  }
}
