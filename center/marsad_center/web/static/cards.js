// The strip of cluster-wide figures.

import { element } from './dom.js';
import { FigureView } from './figure.js';

const SHOWN = {
  'ed.census': [],
  'ed.waiting': ['heads', 'triage'],
  'ed.occupancy': ['bar'],
  'bed.occupancy': ['bar'],
  'ed.arrivals': ['hours', 'label'],
  'lab.turnaround.p50': [],
  'lab.turnaround.p90': [],
  'radiology.turnaround.p90': [],
  'feed.freshness.p95': [],
  'coverage.facilities': [],
};

export class Cards {
  constructor(list, context) {
    this.views = new Map();
    for (const [id, extras] of Object.entries(SHOWN)) {
      const entry = context.entries.get(id);
      const item = element('li', { class: 'card', 'data-facility': '', 'data-indicator': id });
      item.append(element('h3', {}, context.help.button(entry.name, '', id)));
      this.views.set(id, new FigureView(item, context, [...extras, 'status', 'target']));
      list.append(item);
    }
  }

  show(figure) {
    this.views.get(figure.id)?.show(figure);
  }
}
