// Local codes that nobody has mapped: a line that says how many, and the most used of them when it is opened.

import { element, fill } from './dom.js';

const AGAIN_MS = 60 * 1000;
const COLUMNS = ['facility', 'kind', 'system', 'code', 'display', 'times', 'last'];

export class Codes {
  constructor(holder, context) {
    this.holder = holder;
    this.context = context;
    setInterval(() => this.look(), AGAIN_MS);
    this.look();
  }

  async look() {
    let found = null;
    try {
      const answer = await fetch('/api/v1/codes');
      if (answer.ok) found = await answer.json();
    } catch {
      // the banner says that the server cannot be reached; what was found last stays
    }
    if (found) this.#show(found);
  }

  #show(found) {
    const { format, nameOf, texts } = this.context;
    const count = found.reduce((sum, each) => sum + each.unmapped, 0);
    this.holder.hidden = !count;
    this.holder.querySelector('summary').textContent = fill(texts.codes.heading, { count: format.number.format(count) });
    const head = element('tr', {}, ...COLUMNS.map((name) => element('th', { scope: 'col' }, name === 'facility' ? texts.column.facility : texts.codes[name])));
    const rows = found.flatMap(({ facility, unmapped, codes }) => [
      ...codes.map((each) => element('tr', { 'data-facility': facility, 'data-code': each.code },
        element('th', { scope: 'row' }, element('bdi', {}, nameOf(facility))),
        ...[each.kind, each.system || '–', each.code, each.display || '–'].map((text) => element('td', {}, element('bdi', {}, text))),
        element('td', {}, format.number.format(each.times)), element('td', {}, format.time(each.lastAt)))),
      ...(unmapped > codes.length ? [element('tr', {}, element('td', { colspan: COLUMNS.length }, `${nameOf(facility)}: ${fill(texts.attention.more, { count: format.number.format(unmapped - codes.length) })}`))] : []),
    ]);
    this.holder.querySelector('table').replaceChildren(element('thead', {}, head), element('tbody', {}, ...rows));
  }
}
