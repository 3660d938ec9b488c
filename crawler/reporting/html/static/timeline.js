/* The timeline: an overview of the whole run, and below it the part that is shown in detail. */

const CLOSEST = 20; // ticks
const LOWEST = 120;
const HIGHEST = 420;

class Timeline {
  constructor(fetches) {
    this.fetches = fetches;
    this.lanes = new Lanes(fetches);
    this.canvas = document.getElementById("lanes");
    this.overview = document.getElementById("overview");
    this.tip = document.getElementById("tip");
    this.chosen = -1;
    const tall = this.lanes.rows.length * ROW.most + AXIS;
    this.canvas.style.height = `${Math.min(HIGHEST, Math.max(LOWEST, tall))}px`;
    this.flight = inFlight(fetches, 600);
    this.showAll();
    this.listen();
  }

  showAll() {
    this.look(0, this.fetches.last, 0);
  }

  /* Show another part; it always stays within the run. */
  look(from, to, top) {
    const long = Math.min(Math.max(to - from, CLOSEST), this.fetches.last);
    const start = Math.min(Math.max(from, 0), this.fetches.last - long);
    this.view = { from: start, to: start + long, top: 0 };
    const height = this.canvas.clientHeight;
    const shown = (height - AXIS) / this.lanes.rowHeight(this.view, height);
    this.view.top = Math.min(Math.max(top, 0), Math.max(0, this.lanes.rows.length - shown));
    this.redraw();
  }

  /* Zoom around a point, given as shares of width and height. */
  zoom(factor, x = 0.5, y = 0.5) {
    const { from, to, top } = this.view;
    const long = (to - from) / factor;
    const time = from + x * (to - from);
    const height = this.canvas.clientHeight;
    const place = y * (height - AXIS);
    const row = top + place / this.lanes.rowHeight(this.view, height);
    const tall = this.lanes.rowHeight({ from: 0, to: long }, height);
    this.look(time - x * long, time + (1 - x) * long, row - place / tall);
  }

  /* Move by a share of the width and by a number of rows. */
  move(x, rows) {
    const by = x * (this.view.to - this.view.from);
    this.look(this.view.from + by, this.view.to + by, this.view.top + rows);
  }

  redraw() {
    this.waiting ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.waiting = 0;
    this.lanes.draw(this.canvas, this.view, this.chosen);
    this.drawOverview();
    document.getElementById("view").textContent = this.words();
  }

  words() {
    const { from, to } = this.view;
    const rows = this.lanes.rows.length;
    const apart = (to - from) / 20;
    return `${moment(from, apart)} to ${moment(to, apart)}, ${rows} ${rows === 1 ? "row" : "rows"}`;
  }

  drawOverview() {
    const { pen, width, height } = penFor(this.overview);
    const paint = colours();
    const top = Math.max(...this.flight.map((bin) => bin.reduce((a, b) => a + b, 0))) || 1;
    this.flight.forEach((bin, k) => {
      let y = height;
      bin.forEach((value, phase) => {
        const tall = (value / top) * height;
        pen.fillStyle = paint.phases[phase];
        pen.fillRect((k * width) / this.flight.length, y - tall, width / this.flight.length + 0.5, tall);
        y -= tall;
      });
    });
    const left = (this.view.from / this.fetches.last) * width;
    const long = ((this.view.to - this.view.from) / this.fetches.last) * width;
    pen.strokeStyle = paint.accent;
    pen.lineWidth = 2;
    if (long < width) pen.strokeRect(left + 1, 1, Math.max(2, long - 2), height - 2);
  }

  listen() {
    const { canvas, overview } = this;
    canvas.addEventListener("keydown", (event) => this.press(event));
    canvas.addEventListener("wheel", (event) => this.turn(event), { passive: false });
    canvas.addEventListener("pointermove", (event) => this.hover(event));
    canvas.addEventListener("pointerleave", () => this.choose(-1));
    dragged(canvas, (x, y) => {
      const tall = this.lanes.rowHeight(this.view, canvas.clientHeight);
      this.move(-x / canvas.clientWidth, -y / tall);
    });
    dragged(overview, (_x, _y, event) => this.centre(event));
    overview.addEventListener("pointerdown", (event) => this.centre(event));
    for (const button of document.querySelectorAll("#timeline [data-key]")) {
      button.addEventListener("click", () => this.act(button.dataset.key));
    }
    new ResizeObserver(() => this.redraw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
    // Printing does not wait for the next frame.
    matchMedia("print").addEventListener("change", () => this.draw());
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.act(event.key)) return;
    event.preventDefault();
  }

  /* Do what a key means; returns whether it has a meaning. */
  act(key) {
    const actions = {
      ArrowLeft: () => this.move(-0.1, 0),
      ArrowRight: () => this.move(0.1, 0),
      ArrowUp: () => this.move(0, -4),
      ArrowDown: () => this.move(0, 4),
      "+": () => this.zoom(1.6),
      "=": () => this.zoom(1.6),
      "-": () => this.zoom(1 / 1.6),
      0: () => this.showAll(),
      Home: () => this.showAll(),
    };
    if (!Object.hasOwn(actions, key)) return false;
    actions[key]();
    return true;
  }

  /* Without Ctrl the wheel scrolls the page, unless the timeline has the focus. */
  turn(event) {
    if (!event.ctrlKey && document.activeElement !== this.canvas) return;
    event.preventDefault();
    const { offsetX, offsetY } = event;
    const y = Math.min(1, offsetY / (this.canvas.clientHeight - AXIS));
    this.zoom(Math.exp(-event.deltaY / 400), offsetX / this.canvas.clientWidth, y);
  }

  centre(event) {
    const half = (this.view.to - this.view.from) / 2;
    const time = (event.offsetX / this.overview.clientWidth) * this.fetches.last;
    this.look(time - half, time + half, this.view.top);
  }

  hover(event) {
    const { offsetX, offsetY } = event;
    this.choose(this.lanes.at(this.canvas, this.view, offsetX, offsetY));
    const box = this.canvas.parentElement.getBoundingClientRect();
    const left = event.clientX - box.left + 14;
    this.tip.style.left = `${Math.max(0, Math.min(left, box.width - this.tip.offsetWidth))}px`;
    this.tip.style.top = `${event.clientY - box.top + 18}px`;
  }

  choose(i) {
    if (i === this.chosen) return;
    this.chosen = i;
    this.tip.hidden = i < 0;
    if (i >= 0) this.tip.replaceChildren(...this.describe(i));
    this.redraw();
  }

  /* Set as text, never as HTML: a site may put anything into a URL. */
  describe(i) {
    const { fetches } = this;
    const list = document.createElement("dl");
    const add = (name, ticks) => {
      if (!ticks) return;
      const term = document.createElement("dt");
      const value = document.createElement("dd");
      term.textContent = name;
      value.textContent = seconds(ticks / TICKS);
      list.append(term, value);
    };
    add("queued", fetches.phases.queued[i]);
    PHASES.forEach((name, phase) => add(name, fetches.spans[phase][i]));
    add("total", fetches.latency(i));
    const url = document.createElement("b");
    url.textContent = fetches.url(i);
    const line = document.createElement("span");
    line.textContent = `${fetches.outcome(i)}, started after ${seconds(fetches.begin[i] / TICKS)}`;
    return [url, line, list];
  }
}

/* Mean number of fetches in each phase, for each of `parts` equal parts of the run. */
function inFlight(fetches, parts) {
  const bins = Array.from({ length: parts }, () => PHASES.map(() => 0));
  const scale = parts / fetches.last;
  for (let i = 0; i < fetches.count; i++) {
    let x = fetches.begin[i] * scale;
    fetches.spans.forEach((span, phase) => {
      const end = x + span[i] * scale;
      for (let bin = Math.max(0, Math.floor(x)); bin < end && bin < parts; bin++) {
        bins[bin][phase] += Math.min(end, bin + 1) - Math.max(x, bin);
      }
      x = end;
    });
  }
  return bins;
}

/* Calls `moved` for every movement of a pressed pointer. */
function dragged(element, moved) {
  element.addEventListener("pointerdown", (event) => {
    if (event.isPrimary) element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => {
    if (element.hasPointerCapture(event.pointerId)) moved(event.movementX, event.movementY, event);
  });
}
