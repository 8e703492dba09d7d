// The history of one figure, or of one of its parts: a day, a week, a month or a year, as a chart, in words, and as a table.

import { element, fill } from './dom.js';
import { parts } from './parts.js';
import { plot } from './plot.js';
import { points } from './trends.js';

const DAY = 86400;
const HOUR = 3600;
const RANGES = { day: [DAY, 900], week: [7 * DAY, 7200], month: [30 * DAY, 6 * 3600], year: [365 * DAY, 3 * DAY] }; // span and step, seconds

export class History {
  constructor(dialog, context) {
    this.dialog = dialog;
    this.context = context;
    this.asked = 0;
    this.buttons = Object.keys(RANGES).map((name) => {
      const button = element('button', { type: 'button', 'data-range': name }, context.texts.history[name]);
      button.addEventListener('click', () => this.#load(name));
      return button;
    });
    this.#part('ranges').replaceChildren(...this.buttons);
  }

  show(facility, id) {
    const { entries, nameOf, texts } = this.context;
    this.facility = facility;
    this.entry = entries.get(id);
    this.chosen = null;
    this.#part('name').textContent = `${this.entry.name} · ${facility ? nameOf(facility) : texts.attention.cluster}`;
    this.dialog.querySelector('details').open = false;
    this.#list();
    this.dialog.showModal();
    return this.#load('day');
  }

  /** The figure's parts as they are now; one that is chosen is what the chart shows, chosen again it is the whole. */
  #list() {
    const figure = this.context.figures.get(`${this.facility} ${this.entry.id}`);
    this.#part('parts').replaceChildren(...parts(figure, this.entry, this.context, this.chosen, (part) => {
      this.chosen = part === this.chosen ? null : part;
      this.#list();
      this.#part('parts').querySelector(`[data-part="${CSS.escape(part)}"]`)?.focus();
      this.#load(this.range);
    }));
  }

  async #load(name) {
    const { texts } = this.context;
    const number = ++this.asked;
    this.range = name;
    for (const button of this.buttons) button.setAttribute('aria-pressed', String(button.dataset.range === name));
    const [span, finest] = RANGES[name];
    const step = this.chosen ? Math.max(finest, HOUR) : finest; // parts have a value an hour
    const to = Date.now();
    const from = to - span * 1000;
    let found = null;
    try {
      found = await points(this.facility, this.entry.id, { from: new Date(from).toISOString(), to: new Date(to).toISOString(), step, ...(this.chosen && { part: this.chosen }) });
    } catch {
      // said below
    }
    if (number !== this.asked) return;
    this.#part('plot').replaceChildren();
    this.#part('table').replaceChildren();
    if (!found?.length) {
      this.#part('words').textContent = found ? texts.history.none : texts.history.failed;
      return;
    }
    this.#draw(found, { from, to, gap: 3 * step * 1000 });
  }

  #draw(found, { from, to, gap }) {
    const { figures, format, texts } = this.context;
    const { unit, id } = this.entry;
    const figure = figures.get(`${this.facility} ${id}`);
    const values = (value) => format.value(value, unit);
    const times = (date) => (to - from > 2 * DAY * 1000 ? format.day : format.clockOnly).format(date);
    this.#part('plot').replaceChildren(plot(found, { from, to, gap, target: this.chosen ? null : figure?.target ?? null, values, times }));
    this.#part('words').textContent = fill(texts.history.words, {
      low: values(Math.min(...found.map((point) => point.low))),
      high: values(Math.max(...found.map((point) => point.high))),
      last: values(found.at(-1).value),
    });
    const head = element('tr', {}, ...[texts.history.time, texts.history.value, texts.history.low, texts.history.high].map((text) =>
      element('th', { scope: 'col' }, text)));
    const rows = found.toReversed().map((point) => element('tr', {},
      element('th', { scope: 'row' }, format.dateAndTime.format(new Date(point.at))),
      ...[point.value, point.low, point.high].map((value) => element('td', {}, values(value)))));
    this.#part('table').replaceChildren(element('thead', {}, head), element('tbody', {}, ...rows));
  }

  #part(name) {
    return this.dialog.querySelector(`#history-${name}`);
  }
}
