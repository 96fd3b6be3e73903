/** Media types of what the server's pages are made of. */
export const HTML = 'text/html; charset=utf-8';
export const SCRIPT = 'text/javascript; charset=utf-8';
export const CSS = 'text/css; charset=utf-8';

/** Files of a package change only with its version, which is in their address. */
export const FOREVER = 'public, max-age=31536000, immutable';
