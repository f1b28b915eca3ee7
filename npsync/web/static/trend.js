// The trend to point at: what stands under the pointer is said in words. Without a script the same line is there as a
// picture, and its numbers as a table.
"use strict";
function draws(place) {
  const told = JSON.parse(place.dataset.trend), picture = place.querySelector("svg"), readout = document.createElement("p");
  if (!told.nps.some((value) => value !== null) || !window.uPlot || !picture) return;
  readout.className = "readout small quiet";
  readout.setAttribute("aria-hidden", "true");
  const latest = told.said.findLastIndex((said) => said);
  const read = (at) => { readout.textContent = told.said[at ?? latest] || told.said[latest]; };
  const edge = (sign) => told.nps.map((value, at) => told.margin[at] === null ? null : Math.max(-100, Math.min(100, value + sign * told.margin[at])));
  let chart = null;

  // On a phone fewer months are named, so that their names stay apart.
  const every = () => Math.max(told.every, Math.ceil(told.names.length / Math.max(1, Math.floor((place.clientWidth - 60) / 64))));
  const draw = () => {
    const style = getComputedStyle(document.documentElement), color = (name) => style.getPropertyValue(name).trim();
    const font = "11px system-ui, sans-serif", axis = { stroke: color("--quiet"), font, grid: { stroke: color("--line"), width: 1 }, ticks: { show: false } };
    const data = [told.nps.map((_, at) => at), told.nps, edge(1), edge(-1)];
    const series = [
      {},
      { stroke: color("--accent"), width: 2, points: { show: true, size: 8, fill: color("--accent"), stroke: color("--panel") } },
      { stroke: "transparent", points: { show: false } },
      { stroke: "transparent", points: { show: false } },
    ];
    // Points without a margin are hollow.
    data.push(told.nps.map((value, at) => told.margin[at] === null ? value : null));
    series.push({ stroke: "transparent", points: { show: true, size: 9, width: 2, fill: color("--panel"), stroke: color("--accent") } });
    if (told.target !== null) {
      data.push(told.nps.map(() => told.target));
      series.push({ stroke: color("--asks"), width: 1.5, dash: [5, 4], points: { show: false } });
    }
    chart?.destroy();
    chart = new uPlot({
      width: place.clientWidth, height: 240, legend: { show: false }, padding: [12, 16, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 10 } },
      scales: { x: { time: false, range: [-0.5, told.nps.length - 0.5] }, y: { range: [told.low, told.high] } },
      axes: [{ ...axis, grid: { show: false }, splits: () => data[0], values: (_, at) => at.map((n) => n % every() ? "" : told.names[n]) }, { ...axis, size: 44 }],
      bands: [{ series: [2, 3], fill: color("--band") }],
      series, hooks: { setCursor: [(made) => read(made.cursor.idx)] },
    }, data, place);
    place.append(readout);
    read(null);
  };
  picture.remove();
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new ResizeObserver(() => { if (chart && Math.abs(chart.width - place.clientWidth) > 1) chart.setSize({ width: place.clientWidth, height: 240 }); }).observe(place);
}
const all = () => document.querySelectorAll("[data-trend]").forEach(draws);
all();
document.addEventListener("htmx:afterSettle", all);
