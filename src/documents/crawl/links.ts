/** What a page's HTML says to crawlers. */
export interface PageLinks {
  /** Absolute. */
  links: URL[];
  canonical: URL | null;
  noIndex: boolean;
}

/** More links than this on one page are no table of contents. */
const MAX_LINKS = 2_000;

const ENTITIES: Record<string, string> = {
  '&amp;': '&',
  '&#38;': '&',
  '&#x26;': '&',
  '&quot;': '"',
  '&#39;': "'",
};

function attribute(tag: string, name: string): string | null {
  const match = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s"'>]+))`, 'i').exec(tag);
  const value = match && (match[1] ?? match[2] ?? match[3]);
  return value
    ? value
        .replace(/&(?:amp|quot|#38|#39|#x26);/gi, (entity) => ENTITIES[entity.toLowerCase()] ?? entity)
        .trim()
    : null;
}

function resolve(href: string | null, base: URL): URL | null {
  return href !== null && URL.canParse(href, base) ? new URL(href, base) : null;
}

/** Reads tags by a scan, not by a document: pages come from strangers, and this runs in the server's own thread. */
export function linksOf(html: string, pageUrl: URL): PageLinks {
  const visible = html
    .replace(/<!--[\s\S]*?(?:-->|$)/g, '')
    .replace(/<(script|style|noscript|template)\b[\s\S]*?(?:<\/\1\s*>|$)/gi, '');
  const found: PageLinks = { links: [], canonical: null, noIndex: false };
  let base = pageUrl;
  let noFollow = false;
  for (const [tag, name] of visible.matchAll(/<(a|base|link|meta|area)\s[^<>]{1,4000}>/gi)) {
    switch (name!.toLowerCase()) {
      case 'base':
        base = resolve(attribute(tag, 'href'), pageUrl) ?? base;
        break;
      case 'link':
        if (/\bcanonical\b/i.test(attribute(tag, 'rel') ?? ''))
          found.canonical = resolve(attribute(tag, 'href'), base);
        break;
      case 'meta': {
        if (!/^(?:robots|agentflow)$/i.test(attribute(tag, 'name') ?? '')) break;
        const rules = attribute(tag, 'content') ?? '';
        found.noIndex ||= /\b(?:noindex|none)\b/i.test(rules);
        noFollow ||= /\b(?:nofollow|none)\b/i.test(rules);
        break;
      }
      default: {
        const link = /\bnofollow\b/i.test(attribute(tag, 'rel') ?? '')
          ? null
          : resolve(attribute(tag, 'href'), base);
        if (link && found.links.length < MAX_LINKS) found.links.push(link);
      }
    }
  }
  return noFollow ? { ...found, links: [] } : found;
}
