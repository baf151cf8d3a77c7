// In: a JSON of jobs (what the page gets, and the PNG's name). Out: the PNGs; each problem is a line on stdout.
//
// Chromium gets the page's files from here, and no address of the network.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

const [jobsFile, folder, chromium] = process.argv.slice(2);
const { chromium: browsers } = createRequire(path.join(folder, 'package.json'))('playwright-core');
const ORIGIN = 'http://preview.invalid/';
const MODULES = path.join(folder, 'node_modules');
const HTML = `<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="/page.css">
<body style="margin: 0"><div id="page"></div>
<script>window.__grafana_public_path__ = '/public/';</script>`;

// Grafana's application brings the fonts; its packages only name them.
const FONTS = {
  'Inter-Regular.woff2': '@fontsource/inter/files/inter-latin-400-normal.woff2',
  'Inter-Medium.woff2': '@fontsource/inter/files/inter-latin-500-normal.woff2',
};
const MONO = '@fontsource/roboto-mono/files/roboto-mono-latin-400-normal.woff2';

function file(address) {
  const { pathname } = new URL(address);
  if (pathname.startsWith('/public/fonts/')) {
    return path.join(MODULES, FONTS[path.basename(pathname)] ?? MONO);
  }
  if (pathname.startsWith('/public/')) {
    return path.join(MODULES, '@grafana/ui/dist', pathname);
  }
  return path.join(folder, pathname);
}

const jobs = JSON.parse(await readFile(jobsFile, 'utf8'));
const browser = await browsers.launch({
  executablePath: chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
});
for (const { preview, picture } of jobs) {
  const page = await browser.newPage({
    viewport: { width: preview.width + 32, height: 800 },
    timezoneId: 'UTC',
    locale: 'en-GB',
  });
  // "3 days ago" is said of the time that was asked for.
  await page.clock.setFixedTime(preview.to);
  const problems = [];
  page.on('console', (said) => said.type() === 'error' && problems.push(`console: ${said.text()}`));
  page.on('pageerror', (error) => problems.push(`page: ${error.stack}`));
  page.on('requestfailed', (asked) => problems.push(`not there: ${asked.url()}`));
  await page.route('**/*', (route) => {
    const address = route.request().url();
    if (!address.startsWith(ORIGIN)) {
      return route.abort();
    }
    return address === ORIGIN
      ? route.fulfill({ body: HTML, contentType: 'text/html' })
      : route.fulfill({ path: file(address) });
  });
  await page.goto(ORIGIN);
  await page.evaluate((given) => (window.preview = given), preview);
  await page.addScriptTag({ url: '/page.js' });
  const drawn = page.waitForFunction(() => window.drawn, null, { timeout: 60_000 });
  await drawn.catch(() => problems.push('the page was not drawn in a minute'));
  await page.waitForLoadState('networkidle');
  problems.push(...(await page.evaluate(() => window.problems ?? [])));
  await page.screenshot({ path: picture, fullPage: true });
  await page.close();
  for (const line of problems) {
    console.log(`${path.basename(picture)}: ${line}`);
  }
}
await browser.close();
