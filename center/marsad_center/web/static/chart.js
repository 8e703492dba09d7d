// Small charts. Time runs left to right in every language, as on the equipment beside it; numbers and words stand around
// them in HTML.

const SVG = 'http://www.w3.org/2000/svg';
const HEIGHT = 24;

function shape(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

/** Bars of `breakdown` ({hour: count}), newest last; `label` null hides it from assistive technology. */
export function hours(breakdown, label) {
  const counts = Object.keys(breakdown).sort().map((hour) => breakdown[hour]);
  const most = Math.max(1, ...counts);
  const svg = shape('svg', { class: 'hours', viewBox: `0 0 ${counts.length * 5 - 1} ${HEIGHT}`, preserveAspectRatio: 'none' });
  if (label) {
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', label);
  } else {
    svg.setAttribute('aria-hidden', 'true');
  }
  counts.forEach((count, index) => {
    const height = Math.max(1, (count / most) * HEIGHT);
    const last = index === counts.length - 1;
    svg.append(shape('rect', { x: index * 5, y: HEIGHT - height, width: 4, height, class: last ? 'current' : 'past' }));
  });
  return svg;
}

/** Least and most that a chart of `points` has to show; never a flat nothing. */
export function range(points, target = null) {
  const values = points.flatMap((point) => [point.value, point.low ?? point.value, point.high ?? point.value, ...(point.naive === undefined ? [] : [point.naive])]);
  if (target !== null) values.push(target);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  return { low: low >= 0 ? Math.max(0, low - room) : low - room, high: high + room };
}

/** A line of `points` ({at in milliseconds, value, and perhaps low, high, naive}). A pause longer than `gap` is a gap.
 * Hidden from assistive technology: who draws it says it in words, too. */
export function line(points, { from, to, gap, target = null, width, height }) {
  const { low, high } = range(points, target);
  const x = (at) => ((at - from) / (to - from)) * width;
  const y = (value) => height - ((value - low) / (high - low)) * height;
  const svg = shape('svg', { class: 'line-chart', viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  for (const stretch of stretches(points, gap)) {
    if (!stretch.some((point) => point.high > point.low)) continue;
    const upper = stretch.map((point) => `${x(point.at)},${y(point.high)}`);
    const lower = stretch.map((point) => `${x(point.at)},${y(point.low)}`).reverse();
    svg.append(shape('polygon', { class: 'band', points: [...upper, ...lower].join(' ') }));
  }
  if (target !== null) svg.append(shape('line', { class: 'target-line', x1: 0, x2: width, y1: y(target), y2: y(target) }));
  if (points.some((point) => point.naive !== undefined)) svg.append(shape('path', { class: 'naive', d: path(points, gap, x, (point) => y(point.naive)) }));
  svg.append(shape('path', { class: 'course', d: path(points, gap, x, (point) => y(point.value)) }));
  return svg;
}

/** Points between gaps. */
function stretches(points, gap) {
  const found = [];
  points.forEach((point, index) => {
    if (index === 0 || point.at - points[index - 1].at > gap) found.push([]);
    found.at(-1).push(point);
  });
  return found;
}

function path(points, gap, x, height) {
  const drawn = (stretch) => stretch.map((point) => `${x(point.at).toFixed(2)} ${height(point).toFixed(2)}`).join('L');
  return stretches(points, gap).map((stretch) => `M${drawn(stretch)}`).join('');
}
