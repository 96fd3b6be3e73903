/** Parameters that only say where a visitor came from. */
const TRACKING = /^(?:utm_\w+|gclid|fbclid|mc_[ce]id|ref_src|igshid|msclkid)$/i;

/** Endings of what is no page to read: not worth a request. */
const NO_PAGE =
  /\.(?:png|jpe?g|gif|webp|svg|ico|css|js|mjs|map|woff2?|ttf|eot|mp[34]|webm|avi|mov|zip|gz|tgz|rar|7z|exe|dmg|iso|apk|rss|atom)$/i;

/** A site of endless links makes ever longer ones. */
const MAX_URL_LENGTH = 2_000;
const MAX_PATH_SEGMENTS = 20;
/** `/a/a/a/a`: links that are relative by mistake pile up the same segment. */
const MAX_REPEATED_SEGMENT = 3;

/** One spelling for a page: no fragment, no tracking parameters, the others in order, no index file, no last slash. */
export function canonicalUrl(url: URL): string {
  const canonical = new URL(url.href);
  canonical.hash = '';
  for (const name of [...canonical.searchParams.keys()])
    if (TRACKING.test(name)) canonical.searchParams.delete(name);
  canonical.searchParams.sort();
  canonical.pathname = canonical.pathname.replace(/\/{2,}/g, '/').replace(/\/index\.(?:html?|php)$/i, '/');
  if (canonical.pathname.length > 1) canonical.pathname = canonical.pathname.replace(/\/$/, '');
  return canonical.href.replace(/\?$/, '');
}

/** `www.` in front makes no other site. */
export const siteOf = (url: URL): string => `${url.hostname.toLowerCase().replace(/^www\./, '')}:${url.port}`;

/** Whether a link may lead to a page of the site. */
export function isCandidate(url: URL, site: string): boolean {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return false;
  if (siteOf(url) !== site || url.href.length > MAX_URL_LENGTH || NO_PAGE.test(url.pathname)) return false;
  const segments = url.pathname.split('/').filter(Boolean);
  if (segments.length > MAX_PATH_SEGMENTS) return false;
  const counts = new Map<string, number>();
  for (const segment of segments) {
    const count = (counts.get(segment) ?? 0) + 1;
    if (count > MAX_REPEATED_SEGMENT) return false;
    counts.set(segment, count);
  }
  return true;
}
