// One figure wherever it stands: value, words, status, bar, triage levels, hours. Found by data-facility and
// data-indicator (the whole cluster is data-facility="").

import { hours } from './chart.js';
import { element, fill, setText, setValue } from './dom.js';

const LEVELS = ['1', '2', '3', '4', '5', 'unknown'];
const BAR_END = 1.25; // a bar has room for 125 %

/** The heads of the triage cells, in the same order. */
export function levelHeads(about) {
  const heads = element('span', { class: 'triage heads', title: about });
  for (const level of LEVELS) heads.append(element('span', { 'data-level': level }, level === 'unknown' ? '?' : level));
  return heads;
}

export class FigureView {
  /** `holder` gets the figure; `extras` of: bar, triage, hours, status, target. */
  constructor(holder, context, extras) {
    this.holder = holder;
    this.context = context;
    this.value = element('span', { class: 'value' }, '–');
    this.words = element('span', { class: 'words' }, context.texts.noData);
    this.line = element('span', { class: 'line' }, this.value, this.words);
    holder.append(this.line);
    if (extras.includes('bar')) {
      this.bar = element('span', { class: 'bar', 'aria-hidden': 'true' }, element('i'), element('b'));
      holder.append(this.bar);
    }
    if (extras.includes('heads')) holder.append(levelHeads(context.texts.triage.legend));
    if (extras.includes('triage')) holder.append((this.triage = this.#levels()));
    if (extras.includes('hours')) holder.append((this.hours = element('span', { class: 'hours-holder' })));
    if (extras.includes('status')) holder.append((this.status = element('span', { class: 'status' })));
    if (extras.includes('target')) holder.append((this.target = element('span', { class: 'target' })));
    this.labelled = extras.includes('label');
  }

  #levels() {
    const list = element('span', { class: 'triage' });
    for (const level of LEVELS) list.append(element('span', { 'data-level': level }));
    return list;
  }

  show(figure) {
    const { format, texts } = this.context;
    this.holder.dataset.status = figure.status;
    setValue(this.value, format.parts(figure.value, figure.unit));
    this.words.hidden = figure.value !== null;
    if (this.status) setText(this.status, figure.value === null ? '' : texts.status[figure.status] ?? '');
    if (this.bar) this.#showBar(figure);
    if (this.triage) this.#showTriage(figure.breakdown);
    if (this.hours) this.#showHours(figure.breakdown);
    if (this.target) this.#showTarget(figure);
  }

  #showBar(figure) {
    const [filled, mark] = this.bar.children;
    this.bar.hidden = figure.value === null;
    filled.style.inlineSize = `${Math.min(1, (figure.value ?? 0) / BAR_END) * 100}%`;
    mark.style.insetInlineStart = `${((figure.target ?? 1) / BAR_END) * 100}%`;
  }

  #showTriage(breakdown) {
    const { format, texts } = this.context;
    this.triage.hidden = !breakdown;
    for (const cell of this.triage.children) {
      const level = cell.dataset.level;
      const count = breakdown?.[level] ?? 0;
      cell.classList.toggle('none', count === 0);
      setText(cell, format.number.format(count));
      cell.title = fill(level === 'unknown' ? texts.triage.unknown : texts.triage.level, { level, count });
    }
  }

  #showHours(breakdown) {
    const { format, texts } = this.context;
    this.hours.replaceChildren();
    if (!breakdown) return;
    const most = format.number.format(Math.max(0, ...Object.values(breakdown)));
    this.hours.append(hours(breakdown, this.labelled ? fill(texts.arrivals.chart, { most }) : null));
  }

  #showTarget(figure) {
    const { format, texts } = this.context;
    const parts = [];
    if (figure.target !== null) parts.push(fill(texts.target, { value: format.value(figure.target, figure.unit) }));
    if (figure.unit === 'share' && figure.numerator !== null) {
      parts.unshift(
        fill(texts.of, {
          numerator: format.number.format(figure.numerator),
          denominator: format.number.format(figure.denominator),
        }),
      );
    }
    setText(this.target, parts.join(' · '));
  }
}
