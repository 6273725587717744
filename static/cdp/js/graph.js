// The identity graph. The same links are a table on the page; this is the picture of them.
const box = document.getElementById("identity-graph");
const data = JSON.parse(document.getElementById("identity-graph-data")?.textContent ?? "null");
const dark = () => document.documentElement.getAttribute("data-bs-theme") === "dark";
const EDGES = { asserted: "#1b9a3b", observed: "#3b82d6", matched: "#c98200", refused: "#d64545" };

function style() {
  const ink = dark() ? "#e4eaf2" : "#1c2430";
  return [
    { selector: "node", style: { label: "data(label)", color: ink, "font-size": 13, "text-valign": "bottom", "text-margin-y": 5, width: 22, height: 22,
      "background-color": dark() ? "#7db4f0" : "#0b55a8", "text-outline-color": dark() ? "#18202b" : "#ffffff", "text-outline-width": 2 } },
    { selector: "node[kind='anonymous_id'], node[kind='device_id'], node[kind='push_token']", style: { "background-color": dark() ? "#93a1b3" : "#64748b", shape: "round-rectangle" } },
    { selector: "node[!inside]", style: { "background-opacity": 0.35, "border-width": 2, "border-style": "dashed", "border-color": ink } },
    { selector: "edge", style: { width: 2.5, "curve-style": "bezier", "line-color": "data(colour)" } },
    { selector: "edge[state='refused']", style: { "line-style": "dashed" } },
    { selector: "edge[state='matched']", style: { "line-style": "dotted" } },
    { selector: "edge[?bridge]", style: { width: 5 } },
    { selector: "edge[?cut]", style: { width: 7, label: "taken back?", color: ink, "font-size": 12, "text-outline-color": dark() ? "#18202b" : "#ffffff", "text-outline-width": 3 } },
    { selector: "node[?parting]", style: { "border-width": 4, "border-color": dark() ? "#ffcf5c" : "#8a5300" } },
  ];
}

function draw() {
  const elements = [
    ...data.nodes.map((node) => ({ data: node })),
    ...data.edges.map((edge, index) => ({ data: { ...edge, id: `e${index}`, source: edge.a, target: edge.b, colour: EDGES[edge.state] } })),
  ];
  // A force layout is fast up to a hundred nodes and takes many seconds beyond.
  const layout = data.nodes.length <= 100 ? { name: "cose", animate: false, padding: 36, nodeRepulsion: () => 900000, idealEdgeLength: () => 70, edgeElasticity: () => 60, gravity: 0.35, numIter: 2500, nodeDimensionsIncludeLabels: true, boundingBox: { x1: 0, y1: 0, w: box.clientWidth, h: box.clientHeight } } : { name: "concentric", padding: 20 };
  const graph = window.cytoscape({ container: box, elements, style: style(), layout, userZoomingEnabled: false, maxZoom: 1.6, boxSelectionEnabled: false });
  new MutationObserver(() => graph.style(style())).observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
  // Where links can be chosen, a click on one is the same as its address in the table.
  if (box.dataset.choose) graph.on("tap", "edge[state!='refused']", ({ target }) => location.assign(`?cut=${target.data("a")}-${target.data("b")}#cut`));
  window.addEventListener("resize", () => graph.fit(undefined, 30));
}

if (box && data && window.cytoscape) draw();
