import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDocumentParser, type DocumentParser } from '../../src/documents/parse';

let parser: DocumentParser;
beforeAll(() => {
  parser = createDocumentParser({ workers: 1 });
});
afterAll(() => parser.close());

const input = (name: string): Buffer => readFileSync(join(__dirname, 'inputs/documents', name));
const read = (bytes: Buffer, fileName = 'page.html') => parser.parse({ bytes, fileName });
const page = async (body: string): Promise<string> =>
  (await read(Buffer.from(`<!doctype html><title>T</title><body>${body}`))).text;

describe('pages', () => {
  it.each([
    ['anchors', '<p><a name="NN">Section NN. '],
    ['font tags', '<p><font color="#NN">Section NN. '],
    ['divs', '<div>Section NN. '],
    ['list entries', '<ul><li>Section NN. '],
  ])('are read whole with 600 %s that nobody closed', async (_name, part) => {
    const text = await page(
      Array.from({ length: 600 }, (_, index) => part.replace(/NN/g, `${index}`)).join('\n'),
    );
    for (const index of [0, 1, 499, 500, 501, 599]) expect(text).toContain(`Section ${index}.`);
  });

  it('keep the blocks of a cell apart', async () => {
    const { text } = await read(input('cells.html'));
    expect(text).toContain('12 Mill Lane Leeds LS1 4AB');
    expect(text).toContain('red green');
  });

  it('give every text of nested tables once, in order', async () => {
    const { text } = await read(input('nested-table.html'));
    expect(text.replace(/\s+/g, ' ')).toBe('Hello Ada, your parcel 4711 arrives on Tuesday. Total 12.50 EUR');
  });

  it('repeat what spans rows and columns, so that no row is shifted', async () => {
    expect((await read(input('rowspan.html'))).text).toContain('| Lamp | large | 20 |');
    expect(
      await page(
        '<table><caption>Prices</caption><thead><tr><th rowspan=2>Item<th colspan=2>Price<tr><th>net<th>gross<tbody><tr><td>Lamp<td>1<td>2<tr><td rowspan=0>Bulb<td>3<td>4<tr><td>5<td>6</table>',
      ),
    ).toBe(
      'Prices\n\n| Item | Price net | Price gross |\n| --- | --- | --- |\n| Lamp | 1 | 2 |\n| Bulb | 3 | 4 |\n| Bulb | 5 | 6 |',
    );
  });

  it('cost no more than they are when their cells span a million others', async () => {
    const cell = `<td rowspan=65534 colspan=1000>${'x'.repeat(50)}</td>`;
    const text = await page(`<table>${`<tr>${cell.repeat(20)}</tr>`.repeat(300)}</table>`);
    expect(text.length).toBeLessThan(2_000_000);
  });

  it('keep the text of forms and lose only the controls', async () => {
    const { text } = await read(input('form.html'));
    expect(text).toContain('Tickets cost four euros.');
    const form = await page(
      '<form><h2>Join</h2><p>A year costs 9 euros.</p><label>Name <input value=v></label><select><option>One</select><textarea>t</textarea><button>Send</button></form>',
    );
    expect(form).toBe('## Join\n\nA year costs 9 euros.\n\nName');
  });

  it('keep the questions and the closed answers of accordions', async () => {
    const { text } = await read(input('faq-buttons.html'));
    expect(text).toMatch(/^#+ How do I return an item\?$/m);
    expect(text).toMatch(/^#+ Is shipping free to the islands\?$/m);
    const closed = await page(
      '<button aria-expanded=false aria-controls=a1>May I bring a dog?</button><div id=a1 hidden>Yes, on a lead.</div><details><summary>And a cat?</summary><p>No.</p></details><div hidden>Draft</div>',
    );
    expect(closed).toBe('May I bring a dog?\n\nYes, on a lead.\n\nAnd a cat?\n\nNo.');
  });

  it('keep a term with what it means', async () => {
    expect(await page('<dl><div><dt>Deposit<dd>Two months</div><dt>Notice<dd>Three <b>weeks</b></dl>')).toBe(
      'Deposit\n: Two months\n\nNotice\n: Three **weeks**',
    );
  });

  it('write names and words as they stand, without escapes and torn words', async () => {
    expect(
      await page(
        '<p>snake_case [1] <b>H</b>ello 10<sup>6</sup> 2*3*4 <ruby>漢<rt>かん</rt>字<rt>じ</rt></ruby>',
      ),
    ).toBe('snake_case [1] Hello 10^6 2*3*4 漢字 (かんじ)');
  });

  it('have titles without markup and entities', async () => {
    const html = '<title>&lt;b&gt;Rent&lt;/b&gt; &amp;amp; deposit</title><p>Text</p>';
    expect((await read(Buffer.from(html))).title).toBe('Rent & deposit');
  });

  it('find a charset that is declared behind a long comment, and none in the comment', async () => {
    expect((await read(input('late-charset.html'))).text).toBe('Аренда квартир в Москве.');
    const late = Buffer.concat([
      Buffer.from(
        `<head><!-- <meta charset=utf-16> ${'x'.repeat(5000)} --><script>"<meta charset=big5>"</script><meta http-equiv=Content-Type content="text/html; charset=shift_jis"></head><body>`,
      ),
      Buffer.from([0x93, 0x8c, 0x8b, 0x9e]),
    ]);
    expect((await read(late)).text).toBe('東京');
  });

  it('lose no prose beside the main part, and tell what was left out', async () => {
    const prose = (name: string) =>
      `<p>${Array.from({ length: 60 }, (_, i) => `${name}${i} word`).join(' ')}.</p>`;
    const half = `<div class="sidebar">${prose('aside').repeat(4)}</div>`;
    const html = `<!doctype html><title>T</title><body><nav>${'<a href=/x>Menu entry</a> '.repeat(40)}</nav><article><h1>T</h1>${prose('main').repeat(4)}</article>${half}`;
    const { text, warnings } = await read(Buffer.from(html));
    expect(text).toContain('main59');
    expect(text).toContain('aside59');
    expect(warnings).toEqual([expect.stringMatching(/^80 of \d+ words of the page are left out/)]);
  });

  it('that are nothing but links are read for them', async () => {
    expect(await page('<nav><a href=/a>Rent law</a> <a href=/b>Tax law</a></nav>')).toContain(
      '[Rent law](/a)',
    );
  });
});
