// The table of facilities and figures. One cell in it takes part in the tab order; the arrow keys move within.

import { element, fill, setText } from './dom.js';
import { FigureView, levelHeads } from './figure.js';

const COLUMNS = {
  'ed.census': [],
  'ed.waiting': ['triage'],
  'ed.occupancy': ['bar', 'status'],
  'bed.occupancy': ['bar', 'status'],
  'ed.arrivals': ['hours'],
  'lab.turnaround.p50': ['status'],
  'lab.turnaround.p90': ['status'],
  'radiology.turnaround.p90': ['status'],
  'feed.freshness.p95': ['status'],
};

export class Facilities {
  constructor(table, context) {
    this.context = context;
    this.views = new Map();
    this.badges = new Map();
    this.rows = new Map();
    table.append(this.#head(), this.#body());
    table.addEventListener('keydown', (event) => this.#move(event));
    table.addEventListener('click', (event) => {
      const cell = event.target.closest('td[data-indicator]');
      if (cell) context.help.show(cell.dataset.facility, cell.dataset.indicator);
    });
    table.querySelector('td[data-indicator]')?.setAttribute('tabindex', '0');
  }

  #head() {
    const { texts, entries, help } = this.context;
    const row = element('tr', { role: 'row' }, element('th', { scope: 'col', role: 'columnheader' }, texts.column.facility));
    for (const id of Object.keys(COLUMNS)) {
      const head = element('th', { scope: 'col', role: 'columnheader' }, help.button(entries.get(id).short, '', id, entries.get(id).name));
      if (id === 'ed.waiting') head.append(levelHeads(texts.triage.legend));
      row.append(head);
    }
    return element('thead', { role: 'rowgroup' }, row);
  }

  #body() {
    const body = element('tbody', { role: 'rowgroup' });
    for (const facility of this.context.center.facilities) body.append(this.#row(facility));
    return body;
  }

  #row(facility) {
    const { texts, entries, nameOf } = this.context;
    const kind = [texts.kind[facility.kind] ?? facility.kind, texts.level[facility.level]].filter(Boolean).join(' · ');
    const badge = element('span', { class: 'badge', hidden: true });
    const head = element('th', { scope: 'row', role: 'rowheader' },
      this.#name(facility.code), element('span', { class: 'kind' }, kind), badge);
    const row = element('tr', { role: 'row', 'data-row': facility.code }, head);
    this.badges.set(facility.code, badge);
    this.rows.set(facility.code, row);
    for (const [id, extras] of Object.entries(COLUMNS)) {
      const cell = element('td', {
        role: 'cell', tabindex: '-1', 'data-facility': facility.code, 'data-indicator': id, 'data-label': entries.get(id).short,
      });
      this.views.set(`${facility.code} ${id}`, new FigureView(cell, this.context, extras));
      row.append(cell);
    }
    return row;
  }

  /** The name leads to all figures of the facility. */
  #name(code) {
    const { texts, nameOf, look } = this.context;
    const button = element('button', { type: 'button', class: 'name', title: fill(texts.scope.look, { name: nameOf(code) }) }, element('bdi', {}, nameOf(code)));
    button.addEventListener('click', () => look(code));
    return button;
  }

  show(figure) {
    this.views.get(`${figure.facility} ${figure.id}`)?.show(figure);
  }

  /** The worst state of the facility's feeds stands beside its name, and its figures step back: they may be old. */
  showState(code, state) {
    const badge = this.badges.get(code);
    if (!badge) return;
    badge.hidden = state === 'live';
    badge.dataset.state = state;
    setText(badge, this.context.texts.state[state]);
    this.rows.get(code).dataset.state = state;
  }

  #move(event) {
    const cell = event.target.closest('td[data-indicator]');
    if (!cell) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      this.context.help.show(cell.dataset.facility, cell.dataset.indicator);
      return;
    }
    const forward = this.context.direction === 'rtl' ? 'ArrowLeft' : 'ArrowRight';
    const backward = this.context.direction === 'rtl' ? 'ArrowRight' : 'ArrowLeft';
    const row = cell.parentElement;
    const next = {
      [forward]: cell.nextElementSibling,
      [backward]: cell.previousElementSibling,
      ArrowDown: row.nextElementSibling?.children[cell.cellIndex],
      ArrowUp: row.previousElementSibling?.children[cell.cellIndex],
    }[event.key];
    if (!next?.dataset.indicator) return;
    event.preventDefault();
    cell.setAttribute('tabindex', '-1');
    next.setAttribute('tabindex', '0');
    next.focus();
  }
}
