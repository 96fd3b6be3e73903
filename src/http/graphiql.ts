import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CSS, FOREVER, SCRIPT } from './media';
import { StaticAsset } from './static-asset';

const PACKAGE = '@graphql-yoga/render-graphiql';

/** What the package has as text, under the name that a browser asks for. */
const FILES = {
  'graphiql.js': ['js', SCRIPT],
  'graphiql.css': ['css', CSS],
  'editor.worker.js': ['editorWorkerService', SCRIPT],
  'json.worker.js': ['jsonWorker', SCRIPT],
  'graphql.worker.js': ['graphqlWorker', SCRIPT],
} as const;

type Source = Record<(typeof FILES)[keyof typeof FILES][0], string>;

/** Version of the package, which is in the address of its files: browsers may keep them for good. */
function installed(): { version: string; entry: string } {
  const entry = require.resolve(PACKAGE);
  const manifest = readFileSync(join(dirname(entry), '..', 'package.json'), 'utf8');
  return { version: (JSON.parse(manifest) as { version: string }).version, entry };
}

/** The nine megabytes are read when a browser first asks for them, and only what it asked for stays in memory. */
function read(entry: string, name: keyof Source): string {
  const path = join(dirname(entry), 'graphiql.js');
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const source = require(path) as Source;
  delete require.cache[path];
  return source[name];
}

/** Scripts and styles of GraphiQL by path, compressed, kept by browsers until the version changes. */
export function graphiqlAssets(): Map<string, StaticAsset> {
  const { version, entry } = installed();
  return new Map(
    Object.entries(FILES).map(([file, [name, contentType]]) => [
      `/graphiql/${version}/${file}`,
      new StaticAsset(() => Promise.resolve(read(entry, name)), { contentType, cacheControl: FOREVER }),
    ]),
  );
}

/**
 * A tab of GraphiQL can be dragged and jumps aside when it is first pressed, so that the click meets what lay behind it. A
 * press that is released where it began chooses the tab that was pressed.
 */
const CHOOSE_TABS = `
const DRAG_PIXELS = 5;
let press;
addEventListener('pointerdown', (event) => {
  const button = event.target.closest?.('.graphiql-tab-button');
  press = event.button === 0 && button ? { button, x: event.clientX, y: event.clientY } : undefined;
}, true);
addEventListener('pointerup', (event) => {
  if (!press) return;
  const { button, x, y } = press;
  press = undefined;
  if (Math.hypot(event.clientX - x, event.clientY - y) > DRAG_PIXELS) return;
  const choose = () => {
    if (button.isConnected && button.closest('[role="tab"]').getAttribute('aria-selected') !== 'true') button.click();
  };
  // After the click that the browser makes of it, where it does.
  setTimeout(choose, 50);
}, true);`;

/** The page itself, a few kilobytes. @param options what Yoga's GraphiQL takes */
export function graphiqlPage(options: { title?: string }): string {
  const at = `/graphiql/${installed().version}`;
  // Text from the options must not end the script.
  const settings = JSON.stringify(options).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${options.title ?? 'GraphiQL'}</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${at}/graphiql.css">
</head>
<body id="body" class="no-focus-outline">
<noscript>GraphiQL needs JavaScript.</noscript>
<div id="root">Loading GraphiQL …</div>
<script>
self.MonacoEnvironment = {
  globalAPI: false,
  getWorkerUrl: (moduleId, label) =>
    '${at}/' + (label === 'json' || label === 'graphql' ? label : 'editor') + '.worker.js',
};
</script>
<script src="${at}/graphiql.js"></script>
<script>
YogaGraphiQL.renderYogaGraphiQL(document.querySelector('#root'), ${settings});
${CHOOSE_TABS}
</script>
</body>
</html>
`;
}
