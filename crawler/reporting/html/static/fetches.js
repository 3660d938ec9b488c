/* The fetches of the run, one array per column; times are in ticks. */

const TICKS = 100000; // per second
const ROUNDED = 1; // rounding error of a time
const PHASES = ["dns", "connect", "tls", "wait", "receive", "buffered"];

async function unpacked(id) {
  const text = atob(document.getElementById(id).textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(plain).text());
}

class Fetches {
  constructor(data) {
    Object.assign(this, data);
    this.count = data.begin.length;
    this.spans = PHASES.map((name) => data.phases[name]);
    this.begin = new Float64Array(this.count);
    this.close = new Float64Array(this.count);
    let now = 0;
    for (let i = 0; i < this.count; i++) {
      this.begin[i] = now += data.begin[i];
      this.close[i] = now + this.spans.reduce((sum, span) => sum + span[i], 0);
    }
    this.last = this.close.reduce((a, b) => Math.max(a, b), 1);
  }

  /* Lists of fetches that do not overlap; each fetch is in the first list in which it fits. */
  rows() {
    const rows = [];
    const free = [];
    for (let i = 0; i < this.count; i++) {
      let row = 0;
      while (row < free.length && free[row] > this.begin[i] + ROUNDED) row++;
      if (row === free.length) rows.push([]);
      rows[row].push(i);
      free[row] = this.close[i];
    }
    return rows;
  }

  url(i) {
    return this.hosts[this.host[i]] + this.paths[this.path[i]];
  }

  outcome(i) {
    return this.ends[this.end[i]];
  }

  hasFailed(i) {
    return this.failed[this.end[i]];
  }

  /* Without the lookup of the host, as in the report's percentiles. */
  latency(i) {
    return this.close[i] - this.begin[i] - this.phases.dns[i];
  }
}
