/* Draws rows of fetches on a canvas and finds the fetch at a point. Lengths are CSS pixels. */

const ROW = { least: 16, most: 24 }; // the height of a row when zoomed in, and of few rows
const AXIS = 24;
const WIDE = 3; // shorter fetches are drawn together
const NEAR = 4; // largest distance of the pointer from a fetch

function colours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    phases: PHASES.map((name) => read(`phase-${name}`)),
    queued: read("phase-queued"),
    failed: read("failed"),
    line: read("line"),
    quiet: read("quiet"),
    text: read("text"),
    accent: read("accent"),
  };
}

/* A drawing context for a cleared canvas in the resolution of the screen. */
function penFor(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  return { pen, width, height };
}

/* The smallest 1, 2 or 5 times a power of ten that is at least `least`. */
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * [1, 2, 5, 10].find((digit) => digit * power >= least * 0.9999);
}

/* A time as text, precise enough to distinguish times that differ by `apart`. */
function moment(time, apart) {
  if (apart >= TICKS) return seconds(time / TICKS);
  return `${(time / TICKS).toFixed(Math.ceil(-Math.log10(apart / TICKS) - 1e-9))} s`;
}

class Lanes {
  constructor(fetches) {
    this.fetches = fetches;
    this.rows = fetches.rows();
  }

  /* At first all rows fit into the height; they grow when the reader zooms in. */
  rowHeight(view, height) {
    const fit = Math.min(ROW.most, (height - AXIS) / this.rows.length);
    const zoom = this.fetches.last / (view.to - view.from);
    return Math.min(Math.max(ROW.least, fit), fit * zoom);
  }

  draw(canvas, view, chosen) {
    const { pen, width, height } = penFor(canvas);
    const paint = { pen, view, width, colours: colours(), scale: width / (view.to - view.from) };
    const tall = this.rowHeight(view, height);
    const end = Math.min(this.rows.length, Math.ceil(view.top + (height - AXIS) / tall));
    this.drawAxis(paint, height);
    pen.beginPath();
    pen.rect(0, 0, width, height - AXIS);
    pen.clip();
    for (let row = Math.floor(view.top); row < end; row++) {
      this.drawRow(paint, this.rows[row], (row - view.top) * tall, tall, chosen);
    }
  }

  drawAxis({ pen, view, width, colours, scale }, height) {
    const step = niceStep((view.to - view.from) / Math.max(2, width / 110));
    pen.font = "12px system-ui, sans-serif";
    pen.fillStyle = colours.quiet;
    pen.strokeStyle = colours.line;
    pen.beginPath();
    for (let t = Math.ceil(view.from / step) * step; t <= view.to; t += step) {
      const x = Math.round((t - view.from) * scale) + 0.5;
      pen.moveTo(x, 0);
      pen.lineTo(x, height - AXIS + 4);
      const text = moment(t, step);
      const long = pen.measureText(text).width;
      pen.fillText(text, Math.min(width - long, Math.max(0, x - long / 2)), height - 5);
    }
    pen.stroke();
  }

  drawRow(paint, row, y, tall, chosen) {
    const { view, scale } = paint;
    const { begin, close } = this.fetches;
    const track = tall >= 9 ? 3 : 0; // space below the bars, for the time in the queue
    const bar = tall - track - (tall >= 4 ? 1 : 0);
    const dense = new Dense(paint);
    for (let k = this.firstAfter(row, view.from); k < row.length; k++) {
      const i = row[k];
      if (track) this.drawQueue(paint, i, y + bar + 1);
      if (begin[i] > view.to) break;
      if ((close[i] - begin[i]) * scale < WIDE) dense.add(this.fetches, i);
      else this.drawFetch(paint, i, y, bar);
      if (i === chosen) this.drawFrame(paint, i, y, bar);
    }
    dense.draw(y, bar);
  }

  drawQueue({ pen, view, scale, colours }, i, y) {
    const long = this.fetches.phases.queued[i] * scale;
    pen.fillStyle = colours.queued;
    pen.fillRect((this.fetches.begin[i] - view.from) * scale - long, y, long, 1.5);
  }

  drawFetch({ pen, view, scale, colours }, i, y, tall) {
    const left = (this.fetches.begin[i] - view.from) * scale;
    const gap = tall > 3 ? 0.75 : 0; // separates two fetches in a row
    let x = left;
    this.fetches.spans.forEach((span, phase) => {
      pen.fillStyle = colours.phases[phase];
      pen.fillRect(x, y, Math.max(0, span[i] * scale - gap / 2), tall);
      x += span[i] * scale;
    });
    if (this.fetches.hasFailed(i)) {
      pen.fillStyle = colours.failed;
      pen.fillRect(left, y + tall / 2 - 1, x - left, 2);
    }
  }

  drawFrame({ pen, view, scale, colours }, i, y, tall) {
    const long = (this.fetches.close[i] - this.fetches.begin[i]) * scale;
    pen.strokeStyle = colours.text;
    pen.lineWidth = 1.5;
    pen.strokeRect((this.fetches.begin[i] - view.from) * scale - 1, y - 0.5, long + 2, tall + 1);
  }

  /* The index in a row of the first fetch that ends after a time. */
  firstAfter(row, time) {
    let low = 0;
    let high = row.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.fetches.close[row[middle]] < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /* The fetch at a point of the canvas, or the nearest one in its row; -1 if there is none. */
  at(canvas, view, x, y) {
    const { width, height } = canvas.getBoundingClientRect();
    const row = this.rows[Math.floor(view.top + y / this.rowHeight(view, height))];
    if (!row || y > height - AXIS) return -1;
    const tick = (view.to - view.from) / width;
    const time = view.from + x * tick;
    const first = this.firstAfter(row, time - NEAR * tick);
    let best = -1;
    let least = NEAR * tick;
    for (let k = first; k < row.length && this.fetches.begin[row[k]] <= time + least; k++) {
      const i = row[k];
      const off = Math.max(this.fetches.begin[i] - time, time - this.fetches.close[i], 0);
      if (off <= least) [best, least] = [i, off];
      if (off === 0) break;
    }
    return best;
  }
}

/* Fetches of one row that are too short to be drawn one by one: a pixel shows its main phase. */
class Dense {
  constructor(paint) {
    this.paint = paint;
    this.weights = null;
    this.failed = [];
  }

  add(fetches, i) {
    const { view, scale, width } = this.paint;
    this.weights ||= new Float64Array(Math.ceil(width + 1) * PHASES.length);
    let x = (fetches.begin[i] - view.from) * scale;
    if (fetches.hasFailed(i)) this.failed.push(x);
    fetches.spans.forEach((span, phase) => {
      const end = x + span[i] * scale;
      for (let pixel = Math.max(0, Math.floor(x)); pixel < end && pixel < width; pixel++) {
        const part = Math.min(end, pixel + 1) - Math.max(x, pixel);
        this.weights[pixel * PHASES.length + phase] += part;
      }
      x = end;
    });
  }

  draw(y, tall) {
    if (!this.weights) return;
    const { pen, width, colours } = this.paint;
    let from = 0;
    let before = -1;
    for (let pixel = 0; pixel <= width; pixel++) {
      const phase = pixel < width ? this.dominant(pixel) : -1;
      if (phase === before) continue;
      pen.fillStyle = colours.phases[before];
      if (before >= 0) pen.fillRect(from, y, pixel - from, tall);
      [from, before] = [pixel, phase];
    }
    pen.fillStyle = colours.failed;
    for (const x of this.failed) pen.fillRect(x, y + tall / 2 - 1, WIDE, 2);
  }

  dominant(pixel) {
    let best = -1;
    let most = 0;
    for (let phase = 0; phase < PHASES.length; phase++) {
      const weight = this.weights[pixel * PHASES.length + phase];
      if (weight > most) [best, most] = [phase, weight];
    }
    return best;
  }
}
