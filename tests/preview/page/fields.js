// In: a panel's fieldConfig and frames. Out: frames whose fields know unit, colour, thresholds and the rest,
// by Grafana's own code; which properties there are, and what each kind of panel comes with, is written here.
//
// Grafana keeps that list in its application, not in a package: getAllStandardFieldConfigs,
// applyFieldConfigDefaults, and each panel's module.tsx.
import {
  FieldConfigOptionsRegistry,
  applyFieldOverrides,
  booleanOverrideProcessor,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  identityOverrideProcessor,
  numberOverrideProcessor,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';
import { problem } from './problems.js';

const STANDARD = {
  displayName: displayNameOverrideProcessor,
  unit: unitOverrideProcessor,
  min: numberOverrideProcessor,
  max: numberOverrideProcessor,
  fieldMinMax: booleanOverrideProcessor,
  decimals: numberOverrideProcessor,
  noValue: stringOverrideProcessor,
  color: identityOverrideProcessor,
  thresholds: thresholdsOverrideProcessor,
  mappings: valueMappingsOverrideProcessor,
  links: dataLinksOverrideProcessor,
  actions: identityOverrideProcessor,
  filterable: booleanOverrideProcessor,
};

const TABLE = 'width minWidth align cellOptions displayMode inspect hidden filterable';
const GRAPH =
  'drawStyle lineInterpolation lineWidth lineStyle lineColor fillOpacity fillColor gradientMode fillBelowTo ' +
  'barAlignment barWidthFactor barMaxWidth spanNulls insertNulls showPoints pointSize pointSymbol pointColor ' +
  'stacking thresholdsStyle transform hideFrom axisPlacement axisLabel axisWidth axisColorMode axisSoftMin ' +
  'axisSoftMax axisGridShow axisCenteredZero axisBorderShow scaleDistribution';
const CUSTOM = { table: TABLE.split(' '), timeseries: GRAPH.split(' '), stat: [], bargauge: [] };

const GRAPH_DEFAULTS = {
  drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0, gradientMode: 'none',
  barAlignment: 0, barWidthFactor: 0.6, spanNulls: false, insertNulls: false, showPoints: 'auto', pointSize: 5,
  stacking: { mode: 'none', group: 'A' }, thresholdsStyle: { mode: 'off' },
  hideFrom: { tooltip: false, viz: false, legend: false },
  axisPlacement: 'auto', axisLabel: '', axisColorMode: 'text', axisGridShow: true, axisCenteredZero: false,
  axisBorderShow: false, scaleDistribution: { type: 'linear' },
}; // prettier-ignore
const TABLE_DEFAULTS = { align: 'auto', cellOptions: { type: 'auto' }, inspect: false };

// The red from 80 on is what Grafana gives a panel that says nothing of thresholds.
const THRESHOLDS = {
  mode: 'absolute',
  steps: [{ value: null, color: 'green' }, { value: 80, color: 'red' }],
}; // prettier-ignore

export function configured(panel, frames, { theme, timeZone, replaceVariables }) {
  return applyFieldOverrides({
    data: frames,
    fieldConfig: fieldConfig(panel),
    fieldConfigRegistry: registry(panel),
    replaceVariables,
    theme,
    timeZone,
  });
}

export function fieldConfig(panel) {
  const { defaults = {}, overrides = [] } = panel.fieldConfig ?? {};
  const color = { mode: panel.type === 'timeseries' ? 'palette-classic' : 'thresholds' };
  const custom = { timeseries: GRAPH_DEFAULTS, table: TABLE_DEFAULTS }[panel.type] ?? {};
  const filled = { color, thresholds: THRESHOLDS, mappings: [], ...defaults };
  return {
    defaults: {
      ...filled,
      thresholds: based(filled.thresholds),
      custom: { ...custom, ...defaults.custom },
    },
    overrides: overrides.map((rule) => ({
      ...rule,
      properties: rule.properties.map((property) =>
        property.id === 'thresholds' ? { ...property, value: based(property.value) } : property
      ),
    })),
  };
}

// JSON can't say -Infinity.
function based(thresholds) {
  return {
    ...thresholds,
    steps: thresholds.steps.map((step) => ({ ...step, value: step.value ?? -Infinity })),
  };
}

function registry(panel) {
  const items = Object.entries(STANDARD).map(([id, process]) => item(id, id, process, false));
  for (const name of CUSTOM[panel.type] ?? []) {
    items.push(item(`custom.${name}`, name, identityOverrideProcessor, true));
  }
  const made = new FieldConfigOptionsRegistry(() => items);
  const { defaults = {}, overrides = [] } = panel.fieldConfig ?? {};
  const asked = [
    ...Object.keys(defaults).filter((key) => key !== 'custom'),
    ...Object.keys(defaults.custom ?? {}).map((key) => `custom.${key}`),
    ...overrides.flatMap((rule) => rule.properties.map(({ id }) => id)),
  ];
  for (const id of asked) {
    if (!made.getIfExists(id)) {
      problem(panel, `a ${panel.type} has no field property ${id}`);
    }
  }
  return made;
}

function item(id, path, process, isCustom) {
  return { id, path, name: id, process, isCustom, shouldApply: () => true, settings: {}, override: null, editor: null };
}
