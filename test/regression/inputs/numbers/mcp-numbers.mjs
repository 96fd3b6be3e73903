// MCP server whose tools answer with numbers that JavaScript's JSON changes: on standard input and output, or by HTTP at a port
// that it prints, `--http json` in bodies of JSON, `--http events` in event streams.
import http from 'node:http';
import readline from 'node:readline';

const RESULTS = {
  structured: '{"content":[{"type":"text","text":"x"}],"structuredContent":{"id":2512292042121000001,"f":10.0}}',
  blocks: '{"content":[{"type":"hologram","depth":9007199254740993}]}',
  infinite: '{"content":[],"structuredContent":{"a":[1e999]}}',
  twice: '{"content":[],"structuredContent":{"a":1,"a":2}}',
  plain: '{"content":[],"structuredContent":{"a":1.5}}',
};
const ready = { protocolVersion: '2025-03-26', capabilities: { tools: {} }, serverInfo: { name: 'x', version: '1' } };

function answerTo({ id, method, params }) {
  if (id === undefined) return undefined;
  const result = method === 'initialize' ? JSON.stringify(ready) : (RESULTS[params?.name] ?? '{}');
  return `{"jsonrpc":"2.0","result":${result},"id":${JSON.stringify(id)}}`;
}

const [, , transport, kind] = process.argv;
if (transport === '--http') {
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    if (request.method !== 'POST') return response.writeHead(405).end();
    const answer = answerTo(JSON.parse(body));
    if (answer === undefined) return response.writeHead(202).end();
    const json = kind === 'json';
    const text = json ? answer : `event: message\ndata: ${answer}\n\n`;
    response.writeHead(200, {
      'content-type': json ? 'application/json' : 'text/event-stream',
      ...(json ? { 'content-length': Buffer.byteLength(text) } : {}),
    });
    response.end(text);
  });
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
} else
  readline.createInterface({ input: process.stdin }).on('line', (line) => {
    const answer = answerTo(JSON.parse(line));
    if (answer !== undefined) process.stdout.write(`${answer}\n`);
  });
