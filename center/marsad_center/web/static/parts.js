// The parts of a figure (triage levels, specialties, platforms, groups of vaccinations) as tables, each row a way to its history.

import { element, fill } from './dom.js';

/** A table a dimension. `chosen`: such as "triage:2", or null; `choose` is called with it. */
export function parts(figure, entry, { format, texts, groupName }, chosen, choose) {
  return Object.entries(figure?.dimensions ?? {}).map(([dimension, members]) => {
    const head = [texts.parts[dimension] ?? dimension, texts.history.value, entry.denominator || texts.parts.count];
    const counted = Object.values(members).some((part) => part.denominator !== null);
    const rows = Object.entries(members).map(([member, part]) => {
      const id = `${dimension}:${member}`;
      const button = element('button', { type: 'button', 'aria-pressed': String(id === chosen), 'data-part': id }, named(dimension, member, texts, groupName));
      button.addEventListener('click', () => choose(id));
      return element('tr', {}, element('th', { scope: 'row' }, button),
        element('td', {}, part.value === null ? element('span', { title: texts.noData }, '–') : format.value(part.value, entry.unit)),
        ...(counted ? [element('td', {}, part.denominator === null ? '' : format.number.format(part.denominator))] : []));
    });
    return element('table', { 'data-dimension': dimension },
      element('thead', {}, element('tr', {}, ...head.slice(0, counted ? 3 : 2).map((text) => element('th', { scope: 'col' }, text)))),
      element('tbody', {}, ...rows));
  });
}

/** Specialties are senders' words, as they are; a group of vaccinations has a declared name. */
function named(dimension, member, texts, groupName) {
  if (dimension === 'group') return groupName(member);
  if (member === 'unknown' || member === 'other') return texts.parts[member];
  return dimension === 'triage' ? fill(texts.parts.level, { level: member }) : member;
}
