import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { graphiqlAssets } from './graphiql';
import { CSS, FOREVER, HTML, SCRIPT } from './media';
import { StaticAsset } from './static-asset';

const csp = (directives: Record<string, string>): Record<string, string> => ({
  'Content-Security-Policy': Object.entries({
    'default-src': "'none'",
    'connect-src': "'self'",
    'base-uri': "'none'",
    'form-action': "'none'",
    'frame-ancestors': "'none'",
    ...directives,
  })
    .map(([name, value]) => `${name} ${value}`)
    .join('; '),
});

/** Swagger UI and ReDoc style their pages while they run; scripts come from this server only. */
const DOCS_CSP = csp({
  'script-src': "'self'",
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data:",
  'font-src': "'self' data:",
  'worker-src': 'blob:',
});

/**
 * GraphiQL starts with a script inside its page, and styles itself while it runs. Nothing from elsewhere is allowed in.
 */
export const GRAPHIQL_CSP = csp({
  'script-src': "'self' 'unsafe-inline' blob:",
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data: blob:",
  'font-src': "'self' data:",
  'worker-src': "'self' blob:",
})['Content-Security-Policy']!;

function packageFolder(name: string): { folder: string; version: string } {
  const manifest = require.resolve(`${name}/package.json`);
  return {
    folder: dirname(manifest),
    version: (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version,
  };
}

const page = (title: string, head: string, body: string): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
${head}
</head>
<body>
${body}
</body>
</html>
`;

/** Swagger UI and ReDoc bring their own margins. */
const WHOLE_WINDOW = '<style>body{margin:0}</style>\n';

const FAVICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1f4d3f"/>' +
  '<path d="M7 22 L13 10 L19 22 M9.5 18 H16.5 M22 10 V22 M22 10 H27 M22 15 H26" fill="none" stroke="#fff" stroke-width="2"/></svg>';

/** A token given once is kept by the browser; without one the requests go out bare, which local development accepts. */
const SWAGGER_SCRIPT = `window.ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  filter: true,
  docExpansion: 'none',
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  layout: 'BaseLayout',
});
`;

const REDOC_SCRIPT = `Redoc.init('/openapi.json', { expandResponses: '200,201', hideDownloadButton: false }, document.getElementById('redoc'));
`;

/** ReDoc's bundle shows its maker's logo from the maker's server; here nothing is fetched from elsewhere. */
async function redocBundle(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).replaceAll(
    'https://cdn.redoc.ly/redoc/logo-mini.svg',
    '/favicon.svg',
  );
}

const HOME_STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;color:#1b1f1d;background:#fff}' +
  'a{color:#14614a}li{margin:.4rem 0}@media(prefers-color-scheme:dark){body{color:#e6e9e7;background:#151917}a{color:#7fd1b3}}';

function homePage({ withGraphiql }: { withGraphiql: boolean }): StaticAsset {
  const hash = createHash('sha256').update(HOME_STYLE).digest('base64');
  const body = `<main>
<h1>AgentFlow</h1>
<p>The server is running.</p>
<ul>
${withGraphiql ? '<li><a href="/graphql">GraphiQL</a>: try the GraphQL API</li>\n' : ''}<li><a href="/docs">Swagger UI</a>: try the REST API</li>
<li><a href="/redoc">ReDoc</a>: read the REST API</li>
<li><a href="/openapi.json">openapi.json</a>: the REST API for machines</li>
<li><a href="/health">Health</a></li>
</ul>
</main>`;
  return StaticAsset.text(page('AgentFlow', `<style>${HOME_STYLE}</style>`, body), {
    contentType: HTML,
    headers: { ...csp({ 'style-src': `'sha256-${hash}'`, 'img-src': "'self'" }), Vary: 'Accept' },
  });
}

/** The page for browsers at `/`, and the documentation pages by path. Everything comes from this machine. */
export interface Pages {
  home: StaticAsset;
  byPath: Map<string, StaticAsset>;
}

/** @param openapi the public document */
export function createPages(openapi: object, { withGraphiql }: { withGraphiql: boolean }): Pages {
  const swagger = packageFolder('swagger-ui-dist');
  const redoc = packageFolder('redoc');
  const html = (title: string, head: string, body: string): StaticAsset =>
    StaticAsset.text(page(title, head, body), { contentType: HTML, headers: DOCS_CSP });
  const swaggerPath = `/docs/${swagger.version}`;
  const redocPath = `/redoc/${redoc.version}`;
  const byPath = new Map<string, StaticAsset>([
    [
      '/docs',
      html(
        'AgentFlow REST API',
        `${WHOLE_WINDOW}<link rel="stylesheet" href="${swaggerPath}/swagger-ui.css">`,
        `<div id="swagger-ui"></div>\n<script src="${swaggerPath}/swagger-ui-bundle.js"></script>\n<script src="/docs/start.js"></script>`,
      ),
    ],
    ['/docs/start.js', StaticAsset.text(SWAGGER_SCRIPT, { contentType: SCRIPT })],
    [
      `${swaggerPath}/swagger-ui.css`,
      StaticAsset.file(join(swagger.folder, 'swagger-ui.css'), {
        contentType: CSS,
        cacheControl: FOREVER,
      }),
    ],
    [
      `${swaggerPath}/swagger-ui-bundle.js`,
      StaticAsset.file(join(swagger.folder, 'swagger-ui-bundle.js'), {
        contentType: SCRIPT,
        cacheControl: FOREVER,
      }),
    ],
    [
      '/redoc',
      html(
        'AgentFlow REST API',
        WHOLE_WINDOW,
        `<div id="redoc"></div>\n<script src="${redocPath}/redoc.standalone.js"></script>\n<script src="/redoc/start.js"></script>`,
      ),
    ],
    ['/redoc/start.js', StaticAsset.text(REDOC_SCRIPT, { contentType: SCRIPT })],
    [
      `${redocPath}/redoc.standalone.js`,
      new StaticAsset(() => redocBundle(join(redoc.folder, 'bundles', 'redoc.standalone.js')), {
        contentType: SCRIPT,
        cacheControl: FOREVER,
      }),
    ],
    [
      '/favicon.svg',
      StaticAsset.text(FAVICON, { contentType: 'image/svg+xml', cacheControl: 'public, max-age=86400' }),
    ],
    [
      '/openapi.json',
      StaticAsset.text(JSON.stringify(openapi), { contentType: 'application/json; charset=utf-8' }),
    ],
    ...(withGraphiql ? graphiqlAssets() : []),
  ]);
  return { home: homePage({ withGraphiql }), byPath };
}
