// Whether what is shown is current: the state of the stream, the banner, and how long ago figures were computed.

import { fill, setText } from './dom.js';

const FROZEN_SECONDS = 45; // analytics' pulse beats every 10 seconds

export class Link {
  constructor(context) {
    this.context = context;
    this.stream = 'connecting';
    this.status = null;
    this.heardAt = null;
    this.offset = 0;
    this.computedAt = 0;
    setInterval(() => this.show(), 1000);
    this.show();
  }

  opened() {
    this.stream = 'live';
    this.show();
  }

  cut() {
    this.stream = 'cut';
    this.show();
  }

  heard(computedAt) {
    this.heardAt = Date.now();
    if (computedAt) this.computedAt = Math.max(this.computedAt, Date.parse(computedAt));
  }

  /** `status` tells the server's clock: the reader's own may be off. */
  told(status) {
    this.status = status;
    this.offset = Date.parse(status.now) - Date.now();
    this.heard(status.computedAt);
    this.show();
  }

  show() {
    const { format, texts } = this.context;
    const banner = document.getElementById('banner');
    const sentence = this.#fault();
    if (banner.hidden !== !sentence) banner.hidden = !sentence;
    setText(banner, sentence ?? '');
    const state = this.stream === 'live' && sentence ? 'stopped' : this.stream;
    document.body.dataset.stream = state;
    setText(document.getElementById('link-state'), texts.link[state]);
    const age = Math.max(0, Math.round((Date.now() + this.offset - this.computedAt) / 1000));
    setText(document.getElementById('link-ago'), this.computedAt ? fill(texts.link.ago, { duration: format.value(Math.max(age, 1), 'seconds') }) : '');
    setText(document.getElementById('clock'), format.clock.format(new Date()));
  }

  #fault() {
    const { format, texts } = this.context;
    if (this.stream === 'cut') {
      return this.heardAt ? fill(texts.banner.cut, { time: format.time(this.heardAt) }) : texts.banner.never;
    }
    if (!this.status) return null;
    if (!this.status.databaseConnected) return fill(texts.banner.database, { time: format.time(this.status.readAt) });
    if (!this.computedAt) return texts.banner.waiting;
    if (Date.now() + this.offset - this.computedAt > FROZEN_SECONDS * 1000) {
      return fill(texts.banner.frozen, { time: format.time(this.computedAt) });
    }
    return null;
  }
}
