// MCP server on stdio that answers in every wrong way; `slow` answers after a second, `fine` at once.
import readline from 'node:readline';
const write = (text) => process.stdout.write(`${text}\n`);
const send = (message) => write(JSON.stringify({ jsonrpc: '2.0', ...message }));
const tool = (name) => ({ name, inputSchema: { type: 'object' } });
const PAGES = 25;
const pages = {
  1: {
    tools: [tool('fine'), { name: 'shapeless' }, { inputSchema: { type: 'object' } }, 7],
    nextCursor: '2',
  },
  2: { tools: 'none', nextCursor: '3' },
  3: { tools: [tool('fine'), tool('slow')], nextCursor: '4' },
};
const page = (number) =>
  pages[number] ?? {
    tools: [tool(`page_${number}`)],
    nextCursor: number < PAGES ? String(number + 1) : null,
  };
const answers = {
  text: { result: 'text' },
  nothing: { result: null },
  without_content: { result: { content: 'text' } },
  both: { result: { content: [{ type: 'text', text: 'fine' }] }, error: null },
  listed: { result: { content: [{ type: 'text', text: 'x' }], structuredContent: [1, 2] } },
  other_block: { result: { content: [{ type: 'hologram', depth: 3 }] } },
  error_text: { error: 'out of paper' },
  error_32000: { error: { code: -32000, message: 'out of paper' } },
  error_404: { error: { code: 404, message: 'no such record' } },
};
let calls = 0;
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  const text = (value) => send({ id, result: { content: [{ type: 'text', text: value }] } });
  if (method === 'initialize') {
    write('Server started on stdio');
    const { protocolVersion } = params;
    send({
      id,
      result: { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'x', version: '1' } },
    });
  } else if (method === 'tools/list') send({ id, result: page(Number(params?.cursor ?? 1)) });
  else if (method !== 'tools/call') return;
  else {
    calls += 1;
    send({ method: 'notifications/progress', params: { progress: 'much' } });
    send({ method: 7 });
    write('{"jsonrpc": "2.0", "id": ');
    if (params.name === 'calls') text(String(calls));
    else if (params.name === 'slow') setTimeout(() => text('done'), 1000);
    else if (params.name === 'huge')
      send({ id, result: { content: [{ type: 'text', text: 'x'.repeat(11 * 1024 * 1024) }] } });
    else if (answers[params.name]) send({ id, ...answers[params.name] });
    else text('fine');
  }
});
