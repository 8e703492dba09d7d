// The live connection. EventSource reconnects by itself after most cuts, but not after an HTTP error, and it never
// notices a peer that went silent; the server says its status every few seconds, so silence means a cut.

const SILENCE_MS = 15000;
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 15000;
const EVENTS = ['indicator', 'feed', 'recommendation', 'status', 'center'];

export class Stream {
  /** `on` has open(), cut(), and one function an event that takes the parsed object. */
  constructor(url, on) {
    this.url = url;
    this.on = on;
    this.retry = FIRST_RETRY_MS;
    this.lastHeard = null;
    this.open();
    setInterval(() => this.#watch(), 1000);
    window.addEventListener('offline', () => this.on.cut());
    window.addEventListener('online', () => this.open());
  }

  open() {
    clearTimeout(this.timer);
    this.source?.close();
    const source = new EventSource(this.url);
    this.source = source;
    this.openedAt = Date.now();
    source.onopen = () => {
      this.retry = FIRST_RETRY_MS;
      this.#heard();
      this.on.open();
    };
    source.onerror = () => {
      this.on.cut();
      if (source.readyState === EventSource.CLOSED) this.#later();
    };
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        this.#heard();
        this.on[name](JSON.parse(event.data));
      });
    }
  }

  #heard() {
    this.lastHeard = Date.now();
  }

  #later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), this.retry);
    this.retry = Math.min(LAST_RETRY_MS, this.retry * 2);
  }

  #watch() {
    const since = Math.max(this.openedAt, this.lastHeard ?? 0);
    if (Date.now() - since > SILENCE_MS && this.source.readyState !== EventSource.CLOSED) {
      this.on.cut();
      this.source.close();
      this.#later();
    }
  }
}
