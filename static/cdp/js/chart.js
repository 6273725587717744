// Draws every chart of the page from the options that came with it, in the colours of the present theme.
const root = document.documentElement;
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

function colours() {
  const dark = root.getAttribute("data-bs-theme") === "dark";
  return dark
    ? { series: ["#6aa8ee", "#ff9a9a", "#7bd88f", "#ffcf5c", "#8793a4"], ink: "#c9d3e0", line: "#2b3645" }
    : { series: ["#0b55a8", "#b92222", "#1b7a2b", "#8a5300", "#8592a3"], ink: "#4f5b6b", line: "#dfe4ea" };
}

// An option may choose its colours: `palette` holds places in the list of the theme.
function themed({ palette, ...option }) {
  const { series, ink, line } = colours();
  const fontFamily = getComputedStyle(document.body).fontFamily;
  const quiet = { color: ink, fontSize: 11, fontFamily, hideOverlap: true };
  const axis = (own) => ({ ...own, axisLabel: { ...own?.axisLabel, ...quiet }, axisLine: { lineStyle: { color: line } }, splitLine: { lineStyle: { color: line } } });
  const upright = option.yAxis?.type !== "category";
  return {
    ...option,
    animation: !still && option.animation !== false,
    animationDuration: 250,
    color: palette ? palette.map((place) => series[place]) : series,
    textStyle: { color: ink, fontFamily },
    legend: { ...option.legend, textStyle: { color: ink } },
    xAxis: upright ? { ...axis(option.xAxis), splitLine: { show: false } } : axis(option.xAxis),
    yAxis: upright ? axis(option.yAxis) : { ...axis(option.yAxis), splitLine: { show: false } },
  };
}

for (const box of document.querySelectorAll("[data-chart]")) {
  const option = JSON.parse(document.getElementById(box.dataset.chart).textContent);
  const chart = window.echarts.init(box, null, { renderer: "canvas" });
  const paint = () => {
    chart.setOption(themed(option), true);
    box.dispatchEvent(new CustomEvent("painted"));
  };
  paint();
  new ResizeObserver(() => chart.resize()).observe(box);
  new MutationObserver(paint).observe(root, { attributes: true, attributeFilter: ["data-bs-theme"] });
}
