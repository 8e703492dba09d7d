// What needs attention: feeds that are silent, refused, stale or never came, figures off their target, and feeds whose messages do
// not say when they are from; the worst first.
// Times are given as times of day, not as "minutes ago": the list is announced when it changes, and only then.

import { element, fill } from './dom.js';

const RANK = ['silent', 'refused', 'breach', 'slow', 'stale', 'skewed', 'backfill', 'never'];
const MOST = 10;

export class Attention {
  constructor(list, count, context) {
    this.list = list;
    this.count = count;
    this.context = context;
    this.shown = null;
  }

  /** Show it anew when it differs. */
  show(figures, feeds) {
    const { center, texts } = this.context;
    const order = new Map(center.facilities.map((facility, index) => [facility.code, index]));
    const items = [...this.#feeds(feeds), ...this.#figures(figures)];
    items.sort((a, b) => RANK.indexOf(a.kind) - RANK.indexOf(b.kind) || (order.get(a.facility) ?? -1) - (order.get(b.facility) ?? -1));
    const text = JSON.stringify(items);
    if (text === this.shown) return;
    this.shown = text;
    this.count.textContent = items.length ? this.context.format.number.format(items.length) : '';
    const rows = items.slice(0, MOST).map((item) => this.#row(item));
    if (items.length > MOST) rows.push(element('li', { class: 'more' }, fill(texts.attention.more, { count: items.length - MOST })));
    if (!items.length) rows.push(element('li', { class: 'calm' }, feeds.length ? texts.attention.none : texts.attention.nothing));
    this.list.replaceChildren(...rows);
  }

  #feeds(feeds) {
    const { format, texts } = this.context;
    return feeds.flatMap((feed) => {
      const p95 = feed.freshnessSeconds.p95;
      const state = feed.state === 'stale' && p95 > feed.objectiveSeconds ? 'slow' : feed.state;
      const kinds = [state !== 'live' && state, feed.skewed > 0 && 'skewed', feed.backfilled > 0 && 'backfill'].filter(Boolean);
      const places = {
        feed: feed.feed,
        time: format.time(feed.lastReceivedAt),
        accepted: format.time(feed.lastAcceptedAt),
        value: format.duration(p95),
        target: format.duration(feed.objectiveSeconds),
      };
      const words = (kind) => texts.attention[kind === 'refused' && !feed.lastAcceptedAt ? 'refusedAlways' : kind];
      return kinds.map((kind) => ({ kind, facility: feed.facility, sentence: fill(words(kind), places) }));
    });
  }

  #figures(figures) {
    const { entries, format, texts } = this.context;
    return figures
      .filter((figure) => figure.status === 'breach' && figure.id !== 'feed.freshness.p95')
      .filter((figure) => figure.id !== 'coverage.facilities' || figure.facility === null)
      .map((figure) => ({
        kind: 'breach',
        facility: figure.facility,
        sentence: fill(texts.attention.breach, {
          figure: entries.get(figure.id)?.name ?? figure.id,
          value: format.value(figure.value, figure.unit),
          target: format.value(figure.target, figure.unit),
        }),
      }));
  }

  #row(item) {
    const { texts, nameOf } = this.context;
    const where = item.facility === null ? texts.attention.cluster : nameOf(item.facility);
    return element('li', { 'data-kind': item.kind },
      element('span', { class: 'sign', 'aria-hidden': 'true' }),
      element('span', {}, element('bdi', { class: 'name' }, where), element('span', { class: 'sentence' }, item.sentence)));
  }
}
