/**
 * What reading files loses, beside an independent reader.
 *   npm run build && node bench/reading-quality.mjs FOLDER [--format EXTENSION] [--dist FOLDER] [--all]
 * Every file below FOLDER of a format that READERS knows is read by the product's parser and by another program, as far as that
 * program is installed: pdftotext (with its CMaps), pandoc, LibreOffice, w3m, Python. A word that the other program finds more often than the
 * parser is lost; order and layout do not count. Prints figures for each format and names the files that lose more than LIMIT of
 * their words without a warning (all files with `--all`). `--dist` reads with another build, so that two can be compared.
 * What the other programs found is kept in a folder for temporary files and not read again. Judges nothing.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    format: { type: 'string' },
    dist: { type: 'string', default: 'dist' },
    all: { type: 'boolean' },
  },
});
const folder = positionals[0];
if (folder === undefined)
  throw new Error('Name the folder of the files: node bench/reading-quality.mjs FOLDER');
const parserOfBuild = path.resolve(options.dist, 'src/documents/parse');
const { createDocumentParser } = createRequire(import.meta.url)(parserOfBuild);

/** Share of words that may be lost without a warning. */
const LIMIT = 0.02;
const PROGRAM_TIMEOUT_MS = 120_000;
const kept = path.join(os.tmpdir(), 'reading-quality');
mkdirSync(kept, { recursive: true });

/** Output of a program; null when it fails. @throws when it is not installed */
function output(program, ...args) {
  const { error, status, stdout } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    timeout: PROGRAM_TIMEOUT_MS,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (error?.code === 'ENOENT') throw new Error(`${program} is not installed.`);
  return error || status !== 0 ? null : stdout;
}

const pandoc = (format) => (file) => output('pandoc', '-f', format, '-t', 'plain', '--wrap=none', file);
const pdftotext = (file) => output('pdftotext', '-enc', 'UTF-8', file, '-');

/** Converts by LibreOffice and reads what it made. */
function office(target, read) {
  return (file) => {
    const made = mkdtempSync(path.join(os.tmpdir(), 'reading-'));
    try {
      const profile = `-env:UserInstallation=file://${kept}/profile`;
      if (output('soffice', profile, '--headless', '--convert-to', target, '--outdir', made, file) === null)
        return null;
      const files = readdirSync(made).map((name) => path.join(made, name));
      return files.length === 0 ? null : files.map(read).join('\n');
    } finally {
      rmSync(made, { recursive: true, force: true });
    }
  };
}

/** All sheets, with numbers as they are shown. */
const SHEETS = 'html:HTML (StarCalc)';
const sheets = office(SHEETS, (file) =>
  /\.html?$/.test(file) ? (output('pandoc', '-f', 'html', '-t', 'plain', '--wrap=none', file) ?? '') : '',
);
const slides = office('pdf', pdftotext);
const word = pandoc('docx');

const page = (file) =>
  output('w3m', '-dump', '-T', 'text/html', '-cols', '500', '-o', 'display_image=0', '-O', 'UTF-8', file);
const plain = (file) => readFileSync(file, 'utf8');
const python = (program) => (file) => output('python3', '-c', program, file);
/** Headers that the parser shows, and all parts of text. */
const mail = python(`
import sys, email, email.policy, re, html
message = email.message_from_binary_file(open(sys.argv[1], 'rb'), policy=email.policy.default)
out = [str(message.get(name, '')) for name in ('subject', 'from', 'to', 'cc')]
seen = set()
for part in message.walk():
    if part.get_content_type() == 'multipart/alternative':
        texts = [one for one in part.iter_parts() if one.get_content_maintype() == 'text']
        seen.update(id(one) for one in texts[:-1])
    if id(part) in seen or part.get_content_maintype() != 'text' or part.get_content_subtype() == 'calendar': continue
    try: text = part.get_content()
    except Exception: text = (part.get_payload(decode=True) or b'').decode('utf-8', 'replace')
    if part.get_content_subtype() == 'html':
        text = html.unescape(re.sub('(?s)<(script|style|title).*?</\\\\1>|<!--.*?-->|<[^>]*>', ' ', text))
    out.append(text)
sys.stdout.buffer.write('\\n'.join(out).encode('utf-8', 'replace'))
`);
const table = python(`
import sys, csv, io
data = open(sys.argv[1], 'rb').read()
try: text = data.decode('utf-8-sig')
except UnicodeDecodeError: text = data.decode('cp1252', 'replace')
try: dialect = csv.Sniffer().sniff(text[:20000], ',;\\t|')
except csv.Error: dialect = csv.excel
csv.field_size_limit(10**9)
rows = csv.reader(io.StringIO(text), dialect)
sys.stdout.buffer.write('\\n'.join(' '.join(row) for row in rows).encode('utf-8'))
`);

/** Extension -> what an independent reader makes of a file; null when it cannot read it. */
const READERS = {
  pdf: pdftotext,
  docx: word,
  docm: word,
  dotx: word,
  xlsx: sheets,
  xlsm: sheets,
  xltx: sheets,
  pptx: slides,
  pptm: slides,
  potx: slides,
  ppsx: slides,
  odt: pandoc('odt'),
  epub: pandoc('epub'),
  rtf: pandoc('rtf'),
  ipynb: pandoc('ipynb'),
  md: pandoc('gfm'),
  html: page,
  htm: page,
  eml: mail,
  csv: table,
  tsv: table,
  txt: plain,
};

function* filesBelow(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) yield* filesBelow(file);
    else if (entry.isFile()) yield file;
  }
}

const extensionOf = (file) => path.extname(file).slice(1).toLowerCase();

function reference(file, bytes) {
  const place = path.join(
    kept,
    `${createHash('sha256')
      .update(READERS[extensionOf(file)] === sheets ? SHEETS : '')
      .update(bytes)
      .digest('hex')}.json`,
  );
  if (existsSync(place)) return JSON.parse(readFileSync(place, 'utf8'));
  const text = READERS[extensionOf(file)](file);
  writeFileSync(place, JSON.stringify(text));
  return text;
}

/** Dates are written with and without zeros before their numbers. */
const bare = (word) => word.replace(/^0+(?=\d)/, '');

function wordsOf(text) {
  const counts = new Map();
  // Line ends part words by hyphens, which readers may keep or not.
  const plain = text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/(\p{L})[-\u00ad\u2010]\n+(\p{Ll})/gu, '$1$2');
  // Chinese and Japanese are not written in words: line ends part them anywhere.
  for (const [word] of plain
    .replace(/\u00ad/g, '')
    .matchAll(/[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}ー]|[\p{L}\p{N}]+/gu))
    counts.set(bare(word), (counts.get(bare(word)) ?? 0) + 1);
  return counts;
}

/** Formats whose other reader shows what stands on all slides again on each of them. */
const REPEATING = new Set(['pptx', 'pptm', 'potx', 'ppsx']);

/** @param repeats whether a word that is found at all counts as found each time */
function compare(expected, found, repeats) {
  let words = 0;
  let lost = 0;
  const examples = [];
  for (const [word, count] of expected) {
    words += count;
    const times = found.get(word) ?? 0;
    const missing = repeats && times > 0 ? 0 : Math.max(0, count - times);
    lost += missing;
    if (missing > 0 && examples.length < 8) examples.push(word);
  }
  return { words, lost, examples };
}

async function measure(parser, file) {
  const bytes = readFileSync(file);
  const expected = reference(file, bytes);
  const started = performance.now();
  const read = await parser.parse({ bytes, fileName: file }).then(
    ({ text, warnings = [] }) => ({ text, warnings }),
    ({ message }) => ({ text: '', warnings: [], refused: message }),
  );
  const ms = performance.now() - started;
  // A file that neither can read says nothing of the parser.
  if (expected === null) return { file, ms, refused: read.refused, warnings: read.warnings, unknown: true };
  return {
    file,
    ms,
    refused: read.refused,
    warnings: read.warnings,
    ...compare(wordsOf(expected), wordsOf(read.text), REPEATING.has(extensionOf(file))),
  };
}

const percent = (part, whole) => (whole === 0 ? '0.00 %' : `${((100 * part) / whole).toFixed(2)} %`);
const sum = (results, key) => results.reduce((total, result) => total + (result[key] ?? 0), 0);

function report(format, results) {
  const compared = results.filter(({ unknown, words }) => !unknown && words > 0);
  const read = compared.filter(({ refused }) => refused === undefined);
  const silent = read.filter(({ lost, words, warnings }) => lost > words * LIMIT && warnings.length === 0);
  console.log(
    `${format}: ${results.length} files, ${compared.length} compared, ${compared.length - read.length} of them refused;` +
      ` words lost ${percent(sum(read, 'lost'), sum(read, 'words'))} of ${sum(read, 'words')} where read,` +
      ` ${percent(sum(compared, 'lost'), sum(compared, 'words'))} with the refused;` +
      ` ${silent.length} files lose more than ${LIMIT * 100} % without a warning;` +
      ` ${Math.round(sum(results, 'ms') / results.length)} ms a file`,
  );
  for (const one of options.all
    ? compared
    : [...silent, ...compared.filter(({ refused }) => refused !== undefined)])
    console.log(
      `  ${path.relative(folder, one.file)}: ${one.refused ?? `${percent(one.lost, one.words)} of ${one.words}, such as ${one.examples.join(' ')}`}` +
        (one.warnings.length > 0 ? ` [${one.warnings.join(' ')}]` : ''),
    );
}

const wanted = [...filesBelow(folder)].filter(
  (file) => READERS[extensionOf(file)] && (options.format ?? extensionOf(file)) === extensionOf(file),
);
const parser = createDocumentParser({ workers: 1 });
try {
  const byFormat = new Map();
  for (const file of wanted.sort()) {
    const result = await measure(parser, file);
    byFormat.set(extensionOf(file), [...(byFormat.get(extensionOf(file)) ?? []), result]);
  }
  for (const [format, results] of byFormat) report(format, results);
} finally {
  await parser.close();
}
