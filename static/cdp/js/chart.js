// Draws every chart of the page from the options that came with it, in the colours of the present theme.
const root = document.documentElement;
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

function colours() {
  const dark = root.getAttribute("data-bs-theme") === "dark";
  return dark
    ? { series: ["#6aa8ee", "#ff9a9a", "#7bd88f", "#ffcf5c"], ink: "#c9d3e0", line: "#2b3645" }
    : { series: ["#0b55a8", "#b92222", "#1b7a2b", "#8a5300"], ink: "#4f5b6b", line: "#dfe4ea" };
}

function themed(option) {
  const { series, ink, line } = colours();
  const axis = { axisLabel: { color: ink, fontSize: 11, hideOverlap: true }, axisLine: { lineStyle: { color: line } }, splitLine: { lineStyle: { color: line } } };
  return {
    ...option,
    animation: !still && option.animation !== false,
    animationDuration: 250,
    color: series,
    textStyle: { color: ink, fontFamily: getComputedStyle(document.body).fontFamily },
    legend: { ...option.legend, textStyle: { color: ink } },
    xAxis: { ...option.xAxis, ...axis, splitLine: { show: false } },
    yAxis: { ...option.yAxis, ...axis },
  };
}

for (const box of document.querySelectorAll("[data-chart]")) {
  const option = JSON.parse(document.getElementById(box.dataset.chart).textContent);
  const chart = window.echarts.init(box, null, { renderer: "canvas" });
  const paint = () => chart.setOption(themed(option), true);
  paint();
  new ResizeObserver(() => chart.resize()).observe(box);
  new MutationObserver(paint).observe(root, { attributes: true, attributeFilter: ["data-bs-theme"] });
}
