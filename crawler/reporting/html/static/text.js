/* Formats figures in the same way as the rest of the report. */

function grouped(digits) {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

function figure(value) {
  if (value === 0) return "0";
  if (Math.abs(value) >= 9.95) return grouped(value.toFixed(0));
  return Math.abs(value) >= 0.995 ? value.toFixed(1) : String(Number(value.toPrecision(2)));
}

function seconds(value) {
  if (value < 0.9995) return value ? `${figure(Math.round(value * 1e5) / 100)} ms` : "0 s";
  if (value < 99.5) {
    return `${value.toFixed(value >= 59.95 || value === Math.round(value) ? 0 : 1)} s`;
  }
  const whole = Math.round(value);
  if (whole >= 86400) return inTwo(whole, "d", 86400, "h", 3600);
  if (whole >= 3600) return inTwo(whole, "h", 3600, "min", 60);
  return inTwo(whole, "min", 60, "s", 1);
}

function inTwo(whole, big, size, small, unit) {
  const rest = Math.floor((whole % size) / unit);
  return `${Math.floor(whole / size)} ${big}` + (rest ? ` ${rest} ${small}` : "");
}
