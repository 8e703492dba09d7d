// Whose figures the panels show: the whole cluster, or one facility. Kept in the address, so that it can be passed on.

import { element, fill, setText } from './dom.js';

export class Scope {
  /** `changed(code)` is called at once and whenever another is chosen ('' is the cluster). */
  constructor(select, quality, context, changed) {
    this.select = select;
    this.quality = quality;
    this.context = context;
    select.append(element('option', { value: '' }, context.texts.attention.cluster));
    for (const { code } of context.center.facilities) select.append(element('option', { value: code }, context.nameOf(code)));
    const wanted = location.hash.slice(1);
    if (context.center.facilities.some(({ code }) => code === wanted)) select.value = wanted;
    this.changed = changed;
    select.addEventListener('change', () => this.#chosen());
    changed(select.value);
  }

  /** Look at `code`, and bring its figures into view. */
  choose(code) {
    this.select.value = code;
    this.#chosen();
    this.select.focus({ preventScroll: true });
    this.select.scrollIntoView({ block: 'center' });
  }

  #chosen() {
    const code = this.select.value;
    history.replaceState(null, '', code ? `#${code}` : location.pathname + location.search);
    this.changed(code);
    this.summarise();
  }

  /** Data quality of what is shown: how many of its feeds bring something. */
  summarise() {
    const { feeds, format, texts } = this.context;
    const all = [...feeds.values()].filter((feed) => !this.select.value || feed.facility === this.select.value);
    const live = all.filter((feed) => feed.state === 'live' || feed.state === 'stale').length;
    this.quality.dataset.status = live === all.length ? 'ok' : 'watch';
    setText(this.quality, all.length ? fill(texts.quality, { live: format.number.format(live), count: format.number.format(all.length) }) : '');
  }
}
