// The figures of the chosen scope in the groups of the catalogue: whatever has a definition has a place here. On a phone a
// group is folded up while nothing in it is off its target.

import { element, fill, setText } from './dom.js';
import { FigureView } from './figure.js';
import { why } from './why.js';

const PHONE = matchMedia('(max-width: 47rem)');
const EXTRAS = { 'ed.waiting': ['heads', 'triage'], 'ed.arrivals': ['hours', 'label'] };

export class Panels {
  constructor(holder, context) {
    this.holder = holder;
    this.context = context;
    this.views = new Map();
    this.states = new Map();
  }

  /** Show the figures of `scope` ('' is the cluster). */
  look(scope) {
    const { entries, figures, groups, texts, trends } = this.context;
    this.scope = scope;
    this.views.clear();
    this.states.clear();
    trends.forget();
    const sections = groups.flatMap((group) => {
      const found = [...entries.values()].filter((entry) => entry.group === group);
      return found.length ? [this.#section(group, texts.group[group], found)] : [];
    });
    this.holder.replaceChildren(...sections);
    for (const figure of figures.values()) this.show(figure);
    this.summarise();
  }

  #section(group, name, found) {
    const state = element('span', { class: 'status' });
    const list = element('ul', { class: 'cards' }, ...found.map((entry) => this.#card(entry)));
    const section = element('details', { class: 'group', 'data-group': group, open: !PHONE.matches },
      element('summary', {}, element('h3', {}, name, ' ', state)), list);
    section.style.setProperty('--figures', found.length);
    this.states.set(state, found.map((entry) => entry.id));
    return section;
  }

  #card(entry) {
    const { help, trends } = this.context;
    const card = element('li', { class: 'card', 'data-facility': this.scope, 'data-indicator': entry.id });
    card.append(element('h4', {}, help.button(entry.name, this.scope, entry.id)));
    const extras = EXTRAS[entry.id] ?? (entry.unit === 'share' ? ['bar'] : []);
    const view = new FigureView(card, this.context, [...extras, 'status', 'target']);
    const reason = element('p', { class: 'why' });
    const trend = element('button', { type: 'button', class: 'trend', hidden: true });
    const source = element('p', { class: 'source' });
    card.append(reason, trend, source);
    trends.attach(trend, this.scope, entry);
    this.views.set(entry.id, { view, reason, source, entry });
    return card;
  }

  show(figure) {
    if ((figure.facility ?? '') !== this.scope) return;
    const shown = this.views.get(figure.id);
    if (!shown) return;
    const { format, texts, trends } = this.context;
    shown.view.show(figure);
    const parts = [
      figure.sourceAt && fill(texts.newest, { time: format.minute(figure.sourceAt) }),
      figure.quality > 0 && fill(texts.silent, { share: format.value(figure.quality, 'share') }),
    ];
    setText(shown.source, parts.filter(Boolean).join(' · '));
    trends.add(figure);
  }

  /** What depends on several objects: the state of each group, and why a figure has no value. */
  summarise() {
    const { figures, texts, format } = this.context;
    for (const [state, ids] of this.states) {
      const found = ids.map((id) => figures.get(`${this.scope} ${id}`)?.status);
      const worst = ['breach', 'watch'].find((status) => found.includes(status)) ?? (found.includes('ok') ? 'ok' : '');
      const group = state.closest('details');
      if (['breach', 'watch'].includes(worst) && !group.dataset.unfolded) {
        group.dataset.unfolded = ''; // once: whoever folds it up again wants it so
        group.open = true;
      }
      state.parentElement.dataset.status = worst;
      const count = found.filter((status) => status === worst).length;
      setText(state, worst && worst !== 'ok' ? `${format.number.format(count)} ${texts.status[worst]}` : texts.status[worst] ?? '');
    }
    for (const { reason, entry } of this.views.values()) {
      setText(reason, why(figures.get(`${this.scope} ${entry.id}`), entry, this.scope, this.context) ?? '');
    }
  }
}
