// The live page: one stream in, every view updated in place.

import { Attention } from './attention.js';
import { Cards } from './cards.js';
import { Facilities } from './facilities.js';
import { Feeds } from './feeds.js';
import { Format } from './format.js';
import { Help } from './help.js';
import { Link } from './link.js';
import { Stream } from './stream.js';

const config = JSON.parse(document.getElementById('config').textContent);
const RELOAD_MS = 15000;
const WORST = ['silent', 'refused', 'stale', 'live', 'never']; // a facility is never connected only when no feed of it is

const names = new Map(config.center.facilities.map((facility) => [facility.code, facility.displayNames]));
const context = {
  center: config.center,
  texts: config.texts,
  direction: config.locale.direction,
  format: new Format(config.locale.tag, config.center.timeZone),
  entries: new Map(config.catalogue.map((entry) => [entry.id, entry])),
  figures: new Map(), // "facility id" -> the newest object
  nameOf: (code) => names.get(code)?.[config.locale.code] ?? names.get(code)?.en ?? code,
};
context.help = new Help(document.getElementById('help'), context);

const cards = new Cards(document.getElementById('cards'), context);
const facilities = new Facilities(document.getElementById('facilities'), context);
const feedTable = new Feeds(document.getElementById('feeds'), context);
const attention = new Attention(document.getElementById('attention'), document.getElementById('attention-count'), context);
const link = new Link(context);
const feeds = new Map();

let due = false;
/** Lists made from many objects are made once a frame, however many events came. */
function summarise() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    attention.show([...context.figures.values()], [...feeds.values()]);
    const states = new Map();
    for (const feed of feeds.values()) states.set(feed.facility, [...(states.get(feed.facility) ?? []), feed.state]);
    for (const [code, found] of states) facilities.showState(code, WORST.find((state) => found.includes(state)));
  });
}

/** The declaration changed (a facility, a language, a release): begin anew, but never in a loop. */
function declared(center) {
  if (JSON.stringify(center) === JSON.stringify(config.center)) return;
  const last = Number(sessionStorage.getItem('marsad-reloaded') ?? 0);
  setTimeout(() => {
    sessionStorage.setItem('marsad-reloaded', String(Date.now()));
    location.reload();
  }, Math.max(0, last + RELOAD_MS - Date.now()));
}

new Stream('/api/v1/stream', {
  open: () => link.opened(),
  cut: () => link.cut(),
  status: (status) => link.told(status),
  center: declared,
  indicator(figure) {
    context.figures.set(`${figure.facility ?? ''} ${figure.id}`, figure);
    (figure.facility === null ? cards : facilities).show(figure);
    link.heard(figure.computedAt);
    summarise();
  },
  feed(feed) {
    feeds.set(`${feed.facility} ${feed.feed}`, feed);
    feedTable.show(feed);
    summarise();
  },
});
