// What is expected: each forecast with its interval, the error it had on the past, and the seasonal-naive forecast as the
// floor it has to beat.

import { element, fill } from './dom.js';
import { plot } from './plot.js';

const AGAIN_MS = 5 * 60 * 1000;
const HOUR_MS = 3600 * 1000;

export class Forecasts {
  constructor(holder, where, context) {
    this.holder = holder;
    this.where = where;
    this.context = context;
    this.asked = 0;
    setInterval(() => this.look(this.scope), AGAIN_MS);
  }

  async look(scope) {
    const { nameOf, texts } = this.context;
    this.scope = scope;
    this.where.textContent = scope ? nameOf(scope) : texts.attention.cluster;
    const number = ++this.asked;
    let found = null;
    try {
      const answer = await fetch(`/api/v1/forecasts?${new URLSearchParams({ facility: scope })}`);
      if (answer.ok) found = await answer.json();
    } catch {
      // said below
    }
    if (number !== this.asked) return;
    if (!found) this.holder.replaceChildren(element('p', { class: 'why' }, texts.forecast.failed));
    else this.holder.replaceChildren(...found.map((forecast) => this.#card(forecast)));
  }

  #card(forecast) {
    const { format, texts } = this.context;
    const card = element('section', { class: 'card forecast', 'data-forecast': forecast.id },
      element('h3', {}, texts.forecast.name[key(forecast)] ?? forecast.id));
    if (forecast.state !== 'ok') {
      card.append(element('p', { class: 'line' }, element('span', { class: 'value' }, '–')), element('p', { class: 'why' }, this.#why(forecast)));
      return card;
    }
    const before = texts.forecast.before[key(forecast)] ?? '';
    const first = forecast.total ?? peak(forecast.hours);
    if (first) card.append(...this.#headline(forecast, first, before));
    const points = forecast.hours.map((point) => ({ ...point, at: Date.parse(point.at) }));
    if (points.length > 1) {
      card.append(plot(points, {
        from: points[0].at, to: points.at(-1).at, gap: 2 * HOUR_MS,
        values: (value) => format.decimal.format(value), times: (date) => format.hourOfDay.format(date),
      }), element('p', { class: 'legend-line' },
        element('span', { class: 'key course' }, texts.forecast.course), element('span', { class: 'key band' }, texts.forecast.band), element('span', { class: 'key naive' }, fill(texts.forecast.naive, { before }))));
    }
    card.append(...this.#errors(forecast.quality, before), element('p', { class: 'source' }, fill(texts.forecast.made, { time: format.time(forecast.madeAt) })));
    return card;
  }

  #headline(forecast, point, before) {
    const { format, texts } = this.context;
    const number = (value) => format.number.format(value);
    const words = forecast.total ? texts.forecast.total : texts.forecast.peak;
    return [
      element('p', { class: 'line' }, element('span', { class: 'value' }, number(point.value)),
        element('span', { class: 'words' }, fill(texts.forecast.interval, { low: number(point.low), high: number(point.high) }))),
      element('p', { class: 'target' }, fill(words, { before, naive: number(point.naive), time: format.time(point.at) })),
    ];
  }

  #errors(quality, before) {
    const { format, texts } = this.context;
    const share = (value) => format.value(value, 'share');
    const ratio = (value) => (value === null ? '–' : format.fraction.format(value));
    const found = Object.entries(quality).map(([grain, each]) => element('p', { class: 'error', 'data-grain': grain },
      fill(texts.forecast[each.model === 'naive' ? 'onlyNaive' : 'error'], {
        before, grain: texts.forecast[grain], wape: share(each.wape), naive: share(each.naiveWape), mase: ratio(each.mase), naiveMase: ratio(each.naiveMase),
        origins: format.number.format(each.origins),
      })));
    return found.length ? found : [element('p', { class: 'error' }, texts.forecast.sum)];
  }

  #why(forecast) {
    const { format, texts } = this.context;
    const days = (value) => format.number.format(Math.floor(value));
    return fill(texts.forecast.why[forecast.reason] ?? texts.noData, { have: days(forecast.historyDays), need: days(forecast.requiredDays) });
  }
}

/** Of its texts. */
function key(forecast) {
  return forecast.id.replace('forecast.', '').replaceAll('.', '-');
}

function peak(points) {
  return points.reduce((most, point) => (most === null || point.value > most.value ? point : most), null);
}
