// In: `window.preview`: a dashboard, its answers, its variables' texts. Out: the page that Grafana would show.
import {
  createTheme, dateTime, locationUtil, standardTransformers, standardTransformersRegistry, transformDataFrame,
} from '@grafana/data'; // prettier-ignore
import { GlobalStyles, Icon, PanelChrome, ThemeContext } from '@grafana/ui';
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { firstValueFrom } from 'rxjs';
import 'uplot/dist/uPlot.min.css';
import { configured } from './fields.js';
import { framesOf } from './frames.js';
import { NO_PADDING, Panel } from './panels.jsx';
import { fits, problem, read } from './problems.js';
import { replaced } from './replaced.js';

const CELL = 30;
const GAP = 8;
const COLUMNS = 24;

const { board, answers, variables, linked, from, to, mode, width } = window.preview;
const theme = createTheme({ colors: { mode } });
const timeZone = 'utc';
const timeRange = { from: dateTime(from), to: dateTime(to), raw: board.time };
const replaceVariables = replaced(variables);

locationUtil.initialize({
  config: { appSubUrl: '' },
  getVariablesUrlParams: () => ({}),
  getTimeRangeForUrl: () => board.time,
});
standardTransformersRegistry.setInit(() =>
  [...new Set(Object.values(standardTransformers))].map((one) => ({ id: one.id, name: one.name, transformation: one }))
);

async function prepared(panel) {
  const frames = framesOf(panel, answers[panel.id] ?? {});
  const steps = (panel.transformations ?? []).filter(({ id, disabled }) => {
    const isKnown = standardTransformersRegistry.getIfExists(id);
    if (!isKnown) {
      problem(panel, `the transformation ${id} is in none of Grafana's packages`);
    }
    return isKnown && !disabled;
  });
  const changed = await firstValueFrom(transformDataFrame(steps, frames, { interpolate: replaceVariables }));
  return configured(panel, changed, { theme, timeZone, replaceVariables });
}

function place({ x, y, w, h }) {
  const column = (width + GAP) / COLUMNS;
  return {
    position: 'absolute',
    left: x * column,
    top: y * (CELL + GAP),
    width: w * column - GAP,
    height: h * (CELL + GAP) - GAP,
  };
}

function Placed({ panel, frames }) {
  const where = place(panel.gridPos);
  const title = replaceVariables(panel.title ?? '');
  if (panel.type === 'row') {
    return (
      <div style={{ ...where, display: 'flex', alignItems: 'center', gap: 8, fontWeight: 500 }}>
        <Icon name={panel.collapsed ? 'angle-right' : 'angle-down'} /> {title}
      </div>
    );
  }
  return (
    <div style={where} data-panel={panel.id}>
      <PanelChrome
        width={where.width}
        height={where.height}
        title={title}
        description={panel.description}
        displayMode={panel.transparent ? 'transparent' : 'default'}
        padding={NO_PADDING.has(panel.type) ? 'none' : 'md'}
      >
        {(width, height) => (
          <Panel {...{ panel, frames, width, height, theme, timeZone, timeRange, replaceVariables }} />
        )}
      </PanelChrome>
    </div>
  );
}

function Box({ children, dim }) {
  const colours = theme.colors;
  return (
    <span
      style={{
        display: 'inline-flex', alignItems: 'center', gap: 6, height: 32, padding: '0 8px', fontSize: 12,
        border: `1px solid ${dim ? colours.border.weak : colours.border.medium}`, borderRadius: 2,
        background: dim ? colours.background.secondary : colours.background.primary,
        fontWeight: dim ? 500 : 400,
      }} // prettier-ignore
    >
      {children}
    </span>
  );
}

function Bar() {
  const shown = board.templating.list.filter(({ hide }) => !hide || hide === 1);
  return (
    <div style={{ display: 'flex', flexWrap: 'wrap', gap: 8, marginBottom: GAP }}>
      {shown.map(({ name, label, type, hide }) => (
        <span key={name} style={{ display: 'inline-flex' }}>
          {hide !== 1 && <Box dim>{label || name}</Box>}
          <Box>
            {variables[name]?.text ?? ''}
            {type !== 'textbox' && <Icon name="angle-down" />}
          </Box>
        </span>
      ))}
      <span style={{ flexGrow: 1 }} />
      {linked.map((title) => (
        <Box key={title} dim>
          <Icon name="apps" /> {title}
        </Box>
      ))}
    </div>
  );
}

function Head() {
  return (
    <div style={{ display: 'flex', alignItems: 'center', marginBottom: 16 }}>
      <span style={{ fontSize: 14, color: theme.colors.text.secondary }}>Dashboards&ensp;›&ensp;</span>
      <span style={{ fontSize: 14, fontWeight: 500 }}>{board.title}</span>
      <span style={{ flexGrow: 1 }} />
      <Box>
        <Icon name="clock-nine" /> {window.preview.range} {timeZone === 'utc' && board.timezone === 'utc' && 'UTC'}
        <Icon name="angle-down" />
      </Box>
    </div>
  );
}

function Dashboard() {
  const [panels, setPanels] = useState(null);
  useEffect(() => {
    const each = board.panels.map(async (panel) => ({ panel, frames: await prepared(panel) }));
    Promise.all(each).then(setPanels);
  }, []);
  useEffect(() => {
    if (panels) {
      document.fonts.ready.then(() => setTimeout(finished, 500));
    }
  }, [panels]);
  const rows = Math.max(...board.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles hackNoBackdropBlur />
      <div style={{ padding: 16, background: theme.colors.background.canvas, color: theme.colors.text.primary }}>
        <Head />
        <Bar />
        <div style={{ position: 'relative', height: rows * (CELL + GAP) }}>
          {panels?.map((one) => <Placed key={one.panel.id} {...one} />)}
        </div>
      </div>
    </ThemeContext.Provider>
  );
}

function finished() {
  for (const panel of board.panels) {
    const element = document.querySelector(`[data-panel="${panel.id}"]`);
    if (element) {
      read(panel, element);
      fits(panel, element);
    }
  }
  window.drawn = true;
}

createRoot(document.getElementById('page')).render(<Dashboard />);
