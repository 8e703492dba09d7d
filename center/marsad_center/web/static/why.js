// Why a figure has no value: a dash alone would leave its reader guessing between "nothing happened" and "nothing is known".

import { fill } from './dom.js';

/** A sentence, or null when the figure has a value. `figure` may be missing. */
export function why(figure, entry, scope, { feeds, format, texts }) {
  if (figure && figure.value !== null) return null;
  const senders = [...feeds.values()].filter((feed) => !scope || feed.facility === scope);
  if (!senders.some((feed) => feed.accepted > 0)) return texts.why.feeds;
  if (!figure) return texts.why.computed;
  if (entry.minimum > 1 && (figure.denominator ?? 0) < entry.minimum) {
    return fill(texts.why.few, { count: format.number.format(figure.denominator ?? 0), minimum: format.number.format(entry.minimum) });
  }
  if (entry.denominator) return fill(texts.why.none, { denominator: entry.denominator });
  return texts.why.reported;
}
