// A small bar chart of arrivals by hour. Time runs left to right in every language, as on the equipment beside it.

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
