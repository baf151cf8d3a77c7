// In: a panel's JSON, its configured frames, a size. Out: what Grafana's own component draws of them.
//
// The components are Grafana's; what surrounds them in its application (StatPanel, BarGaugePanel, TablePanel,
// TimeSeriesPanel) is in no package, and stands here in short.
import { FieldType, VizOrientation, getDisplayValueAlignmentFactors, getFieldDisplayValues } from '@grafana/data';
import { BarGauge, BigValue, Table, TimeSeries, VizRepeater } from '@grafana/ui';
import { Component } from 'react';
import { fieldConfig } from './fields.js';
import { problem } from './problems.js';

const REDUCED = { reduceOptions: { values: false, calcs: ['lastNotNull'], fields: '' }, orientation: 'auto' };
const OPTIONS = {
  stat: {
    ...REDUCED, textMode: 'auto', wideLayout: true, colorMode: 'value', graphMode: 'area', justifyMode: 'auto',
    showPercentChange: false, percentChangeColorMode: 'standard',
  },
  bargauge: {
    ...REDUCED, displayMode: 'gradient', valueMode: 'color', namePlacement: 'auto', showUnfilled: true,
    sizing: 'auto', minVizWidth: 8, minVizHeight: 16, maxVizHeight: 300,
  },
  table: { showHeader: true, cellHeight: 'sm', footer: { show: false, reducer: [] }, sortBy: [] },
  timeseries: { legend: { displayMode: 'list', placement: 'bottom', calcs: [], showLegend: true } },
}; // prettier-ignore

export const NO_PADDING = new Set(['table']);

export function Panel(props) {
  const Kind = { stat: Stat, bargauge: Bars, table: TableOf, timeseries: Graph }[props.panel.type];
  if (!Kind) {
    problem(props.panel, `a panel of kind ${props.panel.type} is not drawn here`);
    return <Message text={`A panel of kind “${props.panel.type}” is not drawn in this preview.`} />;
  }
  const options = { ...OPTIONS[props.panel.type], ...props.panel.options };
  const { thresholds, color } = props.panel.fieldConfig?.defaults ?? {};
  const isColoured = { stat: options.colorMode !== 'none', bargauge: true }[props.panel.type];
  if (isColoured && !thresholds && (!color || color.mode === 'thresholds')) {
    problem(props.panel, 'red from 80 on: it has no thresholds of its own');
  }
  if (!props.frames.some((frame) => frame.length > 0)) {
    problem(props.panel, 'no data');
    if (props.panel.type !== 'stat') {
      return <Message text={props.panel.fieldConfig?.defaults?.noValue ?? 'No data'} />;
    }
  }
  return (
    <Boundary panel={props.panel}>
      <Kind {...props} options={options} />
    </Boundary>
  );
}

// One panel that fails takes no other with it.
class Boundary extends Component {
  state = {};

  static getDerivedStateFromError(error) {
    return { error };
  }

  componentDidCatch(error) {
    problem(this.props.panel, `fails: ${error.message}`);
  }

  render() {
    return this.state.error ? <Message text={this.state.error.message} /> : this.props.children;
  }
}

function Message({ text }) {
  const centred = { display: 'grid', placeItems: 'center', height: '100%', textAlign: 'center', padding: 8 };
  return <div style={{ ...centred, opacity: 0.65 }}>{text}</div>;
}

function values({ panel, frames, options, theme, timeZone, replaceVariables, timeRange }, sparkline) {
  const found = getFieldDisplayValues({
    fieldConfig: fieldConfig(panel),
    reduceOptions: options.reduceOptions,
    replaceVariables,
    theme,
    data: frames,
    sparkline,
    percentChange: options.showPercentChange,
    timeZone,
  });
  found.filter((one) => one.sparkline).forEach((one) => (one.sparkline.timeRange = timeRange));
  return found;
}

function Stat(props) {
  const { options, width, height, theme, frames } = props;
  return (
    <VizRepeater
      getValues={() => values(props, options.graphMode !== 'none')}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, alignmentFactors, width, height, count }) => (
        <BigValue
          value={value.display}
          count={count}
          sparkline={value.sparkline}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode}
          textMode={options.textMode}
          alignmentFactors={alignmentFactors}
          text={options.text}
          width={width}
          height={height}
          theme={theme}
          disableWideLayout={!options.wideLayout}
          percentChangeColorMode={options.percentChangeColorMode}
        />
      )}
      width={width}
      height={height}
      source={frames}
      itemSpacing={3}
      renderCounter={0}
      autoGrid
      orientation={options.orientation}
    />
  );
}

function Bars(props) {
  const { options, width, height, theme, frames } = props;
  const isVertical =
    options.orientation === 'vertical' || (options.orientation === 'auto' && width > height);
  const isManual = options.sizing === 'manual';
  return (
    <VizRepeater
      getValues={() => values(props, false)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, alignmentFactors, orientation, width, height, count }) => (
        <BarGauge
          value={value.display}
          width={width}
          height={height}
          orientation={orientation}
          field={value.field}
          text={options.text}
          display={value.view?.getFieldDisplayProcessor(value.colIndex)}
          theme={theme}
          itemSpacing={options.displayMode === 'lcd' ? 2 : 10}
          displayMode={options.displayMode}
          alignmentFactors={count > 1 ? alignmentFactors : undefined}
          showUnfilled={options.showUnfilled}
          valueDisplayMode={options.valueMode}
          namePlacement={options.namePlacement}
          isOverflow={false}
        />
      )}
      width={width}
      height={height}
      minVizWidth={isManual && isVertical ? options.minVizWidth : 8}
      minVizHeight={isManual && !isVertical ? options.minVizHeight : 16}
      maxVizHeight={isManual && !isVertical ? options.maxVizHeight : 300}
      source={frames}
      renderCounter={0}
      itemSpacing={10}
      orientation={isVertical ? VizOrientation.Vertical : VizOrientation.Horizontal}
    />
  );
}

function TableOf({ panel, frames, options, width, height, timeRange, replaceVariables }) {
  if (frames.length > 1) {
    problem(panel, `a table of ${frames.length} frames, of which a person sees one`);
  }
  const { footer } = options;
  return (
    <Table
      height={height}
      width={width}
      data={frames[0]}
      noHeader={!options.showHeader}
      showTypeIcons={false}
      resizable
      initialSortBy={options.sortBy}
      footerOptions={footer?.show ? footer : undefined}
      enablePagination={footer?.enablePagination}
      cellHeight={options.cellHeight}
      timeRange={timeRange}
      fieldConfig={fieldConfig(panel)}
      getActions={() => []}
      replaceVariables={replaceVariables}
    />
  );
}

function Graph({ panel, frames, options, width, height, timeRange, timeZone }) {
  const drawn = frames.filter(
    (frame) =>
      frame.fields.some(({ type }) => type === FieldType.time) &&
      frame.fields.some(({ type }) => type === FieldType.number)
  );
  if (drawn.length === 0) {
    problem(panel, 'no frame with a time and a number');
    return <Message text="Data is missing a time field" />;
  }
  return (
    <TimeSeries
      frames={drawn}
      structureRev={1}
      timeRange={timeRange}
      timeZone={timeZone}
      width={width}
      height={height}
      legend={options.legend}
      options={options}
    />
  );
}
