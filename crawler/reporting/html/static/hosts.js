/* The histogram of latencies, and the table in which a reader chooses a host for it. */

const BARS = 48;
const TOP = 20;

/* Counts on a logarithmic scale, from the shortest latency to the longest. */
class Histogram {
  constructor(fetches) {
    this.latencies = Float64Array.from({ length: fetches.count }, (_, i) => fetches.latency(i));
    this.fetches = fetches;
    this.low = Math.max(1, this.latencies.reduce((a, b) => Math.min(a, b), Infinity));
    this.high = Math.max(this.low * 1.01, this.latencies.reduce((a, b) => Math.max(a, b), 0));
    this.all = this.counts(() => true);
  }

  counts(wanted) {
    const counts = new Array(BARS).fill(0);
    const scale = BARS / Math.log(this.high / this.low);
    this.latencies.forEach((latency, i) => {
      if (!wanted(i)) return;
      const bar = Math.floor(Math.log(Math.max(latency, this.low) / this.low) * scale);
      counts[Math.min(BARS - 1, bar)]++;
    });
    return counts;
  }

  ofHost(name) {
    const host = this.fetches.hosts.indexOf(name);
    return this.counts((i) => this.fetches.host[i] === host);
  }

  edge(share) {
    return seconds((this.low * (this.high / this.low) ** share) / TICKS);
  }

  draw(place, host) {
    const own = host === null ? null : this.ofHost(host);
    const svg = graphic("svg", { class: "plot", role: "img" });
    svg.setAttribute("aria-label", `Latencies from ${this.edge(0)} to ${this.edge(1)}`);
    this.bars(svg, this.all, own ? "behind" : "before");
    if (own) this.bars(svg, own, "before");
    const frame = block("framed");
    const most = Math.max(...(own ?? this.all));
    frame.append(block("y", grouped(String(most)), "0"), svg);
    frame.append(block("x", ...[0, 0.25, 0.5, 0.75, 1].map((share) => this.edge(share))));
    place.replaceChildren(frame);
  }

  /* One host and all hosts have different scales, so that their shapes can be compared. */
  bars(svg, counts, name) {
    const most = Math.max(...counts, 1);
    counts.forEach((count, k) => {
      const tall = (100 * count) / most;
      const at = { x: `${(100 * k) / BARS}%`, width: `${85 / BARS}%` };
      const bar = graphic("rect", { ...at, y: `${100 - tall}%`, height: `${tall}%`, class: name });
      const title = graphic("title", {});
      const span = `${this.edge(k / BARS)} to ${this.edge((k + 1) / BARS)}`;
      title.textContent = `${span}: ${grouped(String(count))}`;
      bar.append(title);
      if (count) svg.append(bar);
    });
  }
}

function graphic(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function block(name, ...texts) {
  const made = document.createElement("div");
  made.className = name;
  for (const text of texts) {
    const span = document.createElement("span");
    span.textContent = text;
    made.append(span);
  }
  return made;
}

class Hosts {
  constructor(fetches) {
    this.histogram = new Histogram(fetches);
    this.rows = [...document.querySelectorAll("#hosts tbody tr")];
    this.host = null;
    for (const row of this.rows) {
      row.querySelector("button").addEventListener("click", () => this.choose(row.dataset.host));
    }
    for (const button of document.querySelectorAll("[data-rank]")) {
      button.addEventListener("click", () => this.rank(button.dataset.rank));
    }
    this.rank("fetches");
    this.show();
  }

  choose(host) {
    this.host = host === this.host ? null : host;
    this.show();
  }

  show() {
    for (const row of this.rows) {
      const pressed = String(row.dataset.host === this.host);
      row.querySelector("button").setAttribute("aria-pressed", pressed);
    }
    const whose = this.host === null ? "all hosts" : `${this.host} (in the background: all hosts)`;
    document.getElementById("which").textContent = `Latencies, ${whose}`;
    this.histogram.draw(document.getElementById("histogram"), this.host);
  }

  rank(by) {
    for (const button of document.querySelectorAll("[data-rank]")) {
      button.setAttribute("aria-pressed", String(button.dataset.rank === by));
    }
    this.rows.sort((a, b) => b.dataset[by] - a.dataset[by]);
    this.rows.forEach((row, k) => {
      row.hidden = k >= TOP;
      row.parentElement.append(row);
    });
  }
}
