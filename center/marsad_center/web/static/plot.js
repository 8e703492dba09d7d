// A chart with its numbers around it, in HTML: values at the side, times below. Always left to right.

import { line, range } from './chart.js';
import { element } from './dom.js';

/** `options` as of line(), and `values(number)` and `times(date)` that write them. */
export function plot(points, options) {
  const { low, high } = range(points, options.target ?? null);
  const { from, to, values, times } = options;
  return element('div', { class: 'plot-area', dir: 'ltr', 'aria-hidden': 'true' },
    element('div', { class: 'plot-values' }, element('span', {}, values(high)), element('span', {}, values(low))),
    line(points, { ...options, width: 600, height: 160 }),
    element('div', { class: 'plot-times' }, ...[from, (from + to) / 2, to].map((at) => element('span', {}, times(new Date(at))))));
}
