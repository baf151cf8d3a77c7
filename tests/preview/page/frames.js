// In: a panel's targets and what a Prometheus answered. Out: the data frames that Grafana's panels get.
//
// Grafana's server makes a frame of each series (pkg/promlib/converter and querydata/response.go); its
// browser side, which is what `transformV2` is, makes tables of them.
import { FieldType, toDataFrame } from '@grafana/data';
import { transformV2 } from 'result_transformer';

export function framesOf(panel, answers) {
  const targets = (panel.targets ?? []).filter((target) => target.refId in answers);
  const data = targets.flatMap((target) => served(target, answers[target.refId]));
  return transformV2({ data }, { targets }, {}).data.map((frame) => toDataFrame(frame));
}

function served(target, { data, asked }) {
  const { resultType, result } = data;
  const series = resultType === 'scalar' ? [{ metric: {}, value: result }] : result;
  const meta = { custom: { resultType } };
  if (series.length === 0) {
    return [toDataFrame({ refId: target.refId, meta, fields: [] })];
  }
  return series.map(({ metric, value, values }) => {
    const points = values ?? [value];
    const name = legend(target.legendFormat ?? '', metric, asked.query);
    return toDataFrame({
      refId: target.refId,
      name,
      meta,
      fields: [
        {
          name: 'Time',
          type: FieldType.time,
          config: { interval: asked.step * 1000 },
          values: points.map(([time]) => time * 1000),
        },
        {
          name: 'Value',
          type: FieldType.number,
          labels: metric,
          config: name ? { displayNameFromDS: name } : {},
          values: points.map(([, number]) => parsed(number)),
        },
      ],
    });
  });
}

function parsed(number) {
  return { '+Inf': Infinity, '-Inf': -Infinity }[number] ?? Number(number);
}

function legend(format, labels, query) {
  if (format === '__auto' && Object.keys(labels).length) {
    return '';
  }
  if (format && format !== '__auto') {
    return format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => labels[label] ?? '');
  }
  const { __name__: name = '', ...others } = labels;
  const pairs = Object.entries(others).map(([label, value]) => `${label}="${value}"`);
  const text = `${name}${pairs.length || !name ? `{${pairs.join(', ')}}` : ''}`;
  return text === '{}' ? query : text;
}
