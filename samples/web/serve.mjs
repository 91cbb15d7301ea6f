// Serves this folder's page and the SDK that `npm install` has fetched, on http://localhost:8000 (or
// the port that PORT names). Any web server would do.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

const FILES = {
  '/': ['index.html', 'text/html'],
  '/list.mjs': ['list.mjs', 'text/javascript'],
  '/nim.js': ['node_modules/nim-web-sdk-ng/dist/v2/NIM_BROWSER_SDK.js', 'text/javascript'],
};
const port = Number(process.env.PORT ?? 8000);

createServer(async (request, response) => {
  const file = FILES[request.url.split('?')[0]];
  try {
    if (!file) throw new Error('there is no such file');
    const bytes = await readFile(new URL(file[0], import.meta.url));
    response.setHeader('content-type', `${file[1]}; charset=utf-8`);
    response.end(bytes);
  } catch (error) {
    response.statusCode = 404;
    response.end(String(error));
  }
}).listen(port, 'localhost', () => console.log(`http://localhost:${port}`));
