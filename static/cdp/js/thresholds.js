// What the thresholds of a linkage model would do if they stood elsewhere. Moving them here changes nothing but the page.
const box = document.getElementById("thresholds");
const { curve, histogram } = JSON.parse(document.getElementById("threshold-data")?.textContent ?? "{}");
const COMMA = ",";
const num = (value) => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, COMMA);
const percent = (value) => `${(value * 100).toFixed(1)} %`;

// A row of the curve: threshold, pairs from there on, people joined, expected precision, expected recall.
function sides(link, review) {
  const every = histogram.reduce((sum, [, , pairs]) => sum + pairs, 0);
  return {
    linked: { pairs: curve[link][1], people: curve[link][2] },
    asked: { pairs: curve[review][1] - curve[link][1], people: curve[review][2] - curve[link][2] },
    apart: { pairs: Math.max(every - curve[review][1], 0) },
  };
}

// How many pairs of each bar lie from a threshold on. The bar that holds the threshold gets what the bars above leave over.
function above(at) {
  const [threshold, pairs] = curve[at];
  const over = histogram.reduce((sum, [from, , count]) => sum + (from >= threshold - 1e-9 ? count : 0), 0);
  return histogram.map(([from, to, count]) => {
    if (from >= threshold - 1e-9) return count;
    return to > threshold + 1e-9 ? Math.min(Math.max(pairs - over, 0), count) : 0;
  });
}

function paint(link, review) {
  const picture = document.querySelector('[data-chart="chart-spread"]');
  const chart = picture && window.echarts?.getInstanceByDom(picture);
  if (!chart) return;
  const linked = above(link);
  const asked = above(review).map((count, bar) => count - linked[bar]);
  const apart = histogram.map(([, , count], bar) => count - linked[bar] - asked[bar]);
  chart.setOption({ series: [{ data: linked }, { data: asked }, { data: apart }] });
}

function start() {
  const range = { link: box.querySelector("#link-at"), review: box.querySelector("#review-at") };
  const typed = { link: box.querySelector("#link-typed"), review: box.querySelector("#review-typed") };
  const place = (which) => Number(range[which].value);

  function tell() {
    const [link, review] = [place("link"), place("review")];
    for (const which of ["link", "review"]) {
      const threshold = curve[place(which)][0].toFixed(2);
      range[which].setAttribute("aria-valuetext", threshold);
      typed[which].value = threshold;
    }
    for (const [side, told] of Object.entries(sides(link, review))) {
      for (const [what, value] of Object.entries(told)) box.querySelector(`[data-side="${side}"][data-what="${what}"]`).textContent = num(value);
    }
    box.querySelector("[data-expected=precision]").textContent = percent(curve[link][3]);
    box.querySelector("[data-expected=recall]").textContent = percent(curve[link][4]);
    paint(link, review);
  }

  // A pair that is linked is not asked about: the threshold that is moved takes the other one along.
  function move(which, to) {
    range[which].value = String(to);
    if (place("review") > place("link")) range[which === "link" ? "review" : "link"].value = String(to);
    tell();
  }

  const nearest = (wanted) => curve.reduce((best, row, at) => (Math.abs(row[0] - wanted) < Math.abs(curve[best][0] - wanted) ? at : best), 0);
  for (const which of ["link", "review"]) {
    range[which].addEventListener("input", () => move(which, place(which)));
    typed[which].addEventListener("change", () => move(which, typed[which].value === "" ? place(which) : nearest(Number(typed[which].value))));
  }
  document.querySelector('[data-chart="chart-spread"]')?.addEventListener("painted", () => paint(place("link"), place("review")));
  box.querySelector("[data-back]").addEventListener("click", () => {
    range.link.value = range.link.defaultValue;
    range.review.value = range.review.defaultValue;
    tell();
  });
  tell();
}

if (box && curve?.length) start();
