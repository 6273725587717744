// Draws every chart of the page from the options that came with it, in the colours of the present theme.
const root = document.documentElement;
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

function colours() {
  const dark = root.getAttribute("data-bs-theme") === "dark";
  return dark
    ? { series: ["#6aa8ee", "#ff9a9a", "#7bd88f", "#ffcf5c", "#8793a4"], ink: "#c9d3e0", line: "#2b3645", heat: ["#1d2735", "#2a5d94"], hot: "#f4f7fb" }
    : { series: ["#0b55a8", "#b92222", "#1b7a2b", "#8a5300", "#8592a3"], ink: "#4f5b6b", line: "#dfe4ea", heat: ["#f2f6fb", "#8fb8e3"], hot: "#1a2433" };
}

// An option may choose its colours: `palette` holds places in the list of the theme.
// A map of heat goes from pale to strong, with labels that can be read on both.
// In cells too narrow for them, labels would run into each other: tooltip and table tell the numbers there.
const LABEL_WIDTH = 38;

function heated(option, { heat, hot }, width) {
  if (!option.visualMap) return option;
  const roomy = width / (option.xAxis.data.length + 1) >= LABEL_WIDTH;
  const series = option.series.map((one) => ({ ...one, label: { ...one.label, color: hot, show: roomy && one.label?.show } }));
  return { ...option, visualMap: { ...option.visualMap, inRange: { color: heat } }, series };
}

// Names of spokes and of nodes take what room there is: beside a narrow picture they would be cut off, or run into others.
function roomed(option, width) {
  if (option.radar && width < 420) return { ...option, radar: { ...option.radar, radius: "44%", axisName: { width: 72, overflow: "break" } } };
  const flow = option.series?.[0]?.type === "sankey" ? option.series[0] : null;
  if (!flow) return option;
  const places = new Set(flow.data.map((one) => one.name.split(".")[0])).size;
  if (width >= 560) return option;
  const room = Math.floor((width - 8) / places) - 16;
  const label = { ...flow.label, width: room, overflow: "break", fontSize: 10, lineHeight: 12, formatter: ({ name }) => name.replace(/^\d+\. /, "") };
  return { ...option, series: [{ ...flow, nodeWidth: 8, right: room + 8, label }] };
}

function themed({ palette, ...plain }, width) {
  const { series, ink, line, ...warm } = colours();
  const option = roomed(heated(plain, warm, width), width);
  const fontFamily = getComputedStyle(document.body).fontFamily;
  const quiet = { color: ink, fontSize: 11, fontFamily, hideOverlap: true };
  const axis = (own) => ({ ...own, axisLabel: { ...own?.axisLabel, ...quiet }, axisLine: { lineStyle: { color: line } }, splitLine: { ...own?.splitLine, lineStyle: { color: line } } });
  if (!option.visualMap) option.series = option.series.map((one) => (one.label ? { ...one, label: { ...one.label, color: ink, textBorderWidth: 0 } } : one));
  const upright = option.yAxis?.type !== "category";
  return {
    ...option,
    animation: !still && option.animation !== false,
    animationDuration: 250,
    color: palette ? palette.map((place) => series[place]) : series,
    textStyle: { color: ink, fontFamily },
    legend: { ...option.legend, textStyle: { color: ink } },
    ...(option.radar ? { radar: { ...option.radar, axisName: { ...option.radar.axisName, color: ink }, axisLine: { lineStyle: { color: line } }, splitLine: { lineStyle: { color: line } }, splitArea: { show: false } } } : {}),
    ...(option.xAxis || option.yAxis ? axes(option, axis, upright) : {}),
  };
}

function axes({ xAxis, yAxis }, axis, upright) {
  return {
    xAxis: upright ? { ...axis(xAxis), splitLine: { show: false } } : axis(xAxis),
    yAxis: upright ? [yAxis].flat().map(axis) : { ...axis(yAxis), splitLine: { show: false } },
  };
}

// A picture of the chart as it is shown, on the ground of the present theme.
function savable(box, chart) {
  const button = document.querySelector(`[data-save="${box.dataset.chart}"]`);
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const backgroundColor = root.getAttribute("data-bs-theme") === "dark" ? "#151c26" : "#ffffff";
    const link = document.createElement("a");
    link.href = chart.getDataURL({ type: "png", pixelRatio: 2, backgroundColor });
    link.download = `${box.dataset.chart.replace(/^chart-/, "")}.png`;
    link.click();
  });
}

for (const box of document.querySelectorAll("[data-chart]")) {
  const option = JSON.parse(document.getElementById(box.dataset.chart).textContent);
  const chart = window.echarts.init(box, null, { renderer: "canvas" });
  const paint = () => {
    chart.setOption(themed(option, box.clientWidth), true);
    box.dispatchEvent(new CustomEvent("painted"));
  };
  paint();
  savable(box, chart);
  new ResizeObserver(() => {
    chart.resize();
    if (option.visualMap || option.radar || option.series?.[0]?.type === "sankey") paint();
  }).observe(box);
  new MutationObserver(paint).observe(root, { attributes: true, attributeFilter: ["data-bs-theme"] });
}
