// In: page/, node_modules. Out: page.js and page.css in the folder that the first argument names.
import { build } from 'esbuild';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

const [out, page] = process.argv.slice(2);
const MODULES = path.join(process.cwd(), 'node_modules');

// Node's rules for a default import from CommonJS hold in files named .mjs; Grafana's were written for a
// bundler that doesn't keep them. Under a .js name of a folder without "type" they don't hold here either.
const grafana = {
  name: 'grafana',
  setup(on) {
    const found = (file) => ({ path: `${file}.js`, namespace: 'mjs' });
    on.onResolve({ filter: /^result_transformer$/ }, () =>
      // Grafana's own code from answers to frames, without the editors that its index brings.
      found(path.join(MODULES, '@grafana/prometheus/dist/esm/result_transformer.mjs'))
    );
    on.onResolve({ filter: /^@grafana\/(data|ui|schema|e2e-selectors)$/ }, async (asked) => {
      const about = await readFile(path.join(MODULES, asked.path, 'package.json'), 'utf8');
      return found(path.join(MODULES, asked.path, JSON.parse(about).module));
    });
    on.onResolve({ filter: /^\..*\.mjs$/, namespace: 'mjs' }, (asked) =>
      found(path.join(asked.resolveDir, asked.path))
    );
    on.onLoad({ filter: /.*/, namespace: 'mjs' }, async ({ path: name }) => {
      const file = name.slice(0, -'.js'.length);
      const contents = await readFile(file, 'utf8');
      return { contents, loader: 'js', resolveDir: path.dirname(file) };
    });
    on.onResolve({ filter: /^@grafana\/runtime$/ }, () => ({ path: 'runtime', namespace: 'absent' }));
    on.onLoad({ filter: /.*/, namespace: 'absent' }, () => ({
      contents: 'export const getDataSourceSrv = () => { throw new Error("no data source here"); };',
    }));
  },
};

await build({
  entryPoints: [path.join(page, 'main.jsx')],
  outfile: path.join(out, 'page.js'),
  bundle: true,
  format: 'iife',
  jsx: 'automatic',
  nodePaths: [MODULES],
  plugins: [grafana],
  define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
  loader: { '.woff2': 'empty', '.woff': 'empty', '.svg': 'empty', '.ttf': 'empty' },
  logLevel: 'warning',
});
