// The table of feeds: what came, how it was answered, how fresh it is, and how much of it could not be measured by its
// own time.

import { element, setText, setValue } from './dom.js';

const COUNTS = ['received', 'accepted', 'rejected', 'duplicate', 'quarantined'];
const FLAGS = ['backfilled', 'skewed'];
const FIELDS = [...COUNTS, 'lastEvent', 'freshness', 'state'];

export class Feeds {
  constructor(table, context) {
    this.context = context;
    this.rows = new Map();
    const { texts } = context;
    const head = element('tr', { role: 'row' });
    for (const column of ['facility', 'feed', ...FIELDS]) {
      head.append(element('th', { scope: 'col', role: 'columnheader', class: `col-${column}` }, texts.column[column]));
    }
    const body = element('tbody', { role: 'rowgroup' });
    for (const facility of context.center.facilities) {
      for (const feed of facility.feeds) body.append(this.#row(facility, feed));
    }
    table.append(element('thead', { role: 'rowgroup' }, head), body);
  }

  #row(facility, feed) {
    const { texts, nameOf } = this.context;
    const row = element('tr', { role: 'row', 'data-facility': facility.code, 'data-feed': feed.name },
      element('th', { scope: 'row', role: 'rowheader' }, element('bdi', { class: 'name' }, nameOf(facility.code))),
      element('td', { role: 'cell', 'data-label': texts.column.feed },
        element('bdi', {}, feed.name), element('span', { class: 'kind' }, element('bdi', { dir: 'ltr' }, `${feed.sendingApplication} / ${feed.sendingFacility}`))));
    const cells = {};
    for (const field of FIELDS) {
      const value = element('span', { class: 'value' }, '–');
      cells[field] = value;
      row.append(element('td', { role: 'cell', 'data-field': field, 'data-label': texts.column[field] }, value));
    }
    cells.state.classList.add('badge');
    cells.flags = element('span', { class: 'kind' });
    cells.freshness.after(cells.flags);
    this.rows.set(`${facility.code} ${feed.name}`, cells);
    return row;
  }

  show(feed) {
    const cells = this.rows.get(`${feed.facility} ${feed.feed}`);
    if (!cells) return;
    const { format, texts } = this.context;
    for (const field of COUNTS) setValue(cells[field], [{ text: format.number.format(feed[field]) }]);
    cells.rejected.classList.toggle('some', feed.rejected > 0);
    cells.quarantined.classList.toggle('some', feed.quarantined > 0);
    setText(cells.lastEvent, format.time(feed.lastEventAt));
    const { p50, p95, max } = feed.freshnessSeconds;
    setText(cells.freshness, p95 === null ? `– ${texts.noData}` : [p50, p95, max].map((each) => format.duration(each)).join(' / '));
    const flags = FLAGS.filter((flag) => feed[flag] > 0).map((flag) => `${texts.flag[flag]} ${format.number.format(feed[flag])}`);
    setText(cells.flags, flags.join(' · '));
    setText(cells.state, texts.state[feed.state]);
    cells.state.dataset.state = feed.state;
  }
}
