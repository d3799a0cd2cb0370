// Maps: our own outline, no tiles from anywhere; a table or a list beside each says the same.
// data-from names the part of the page that holds the points, where it changes without the map.
"use strict";
const place = document.getElementById("map");
if (place) show(place);

function show(place) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const colours = { centre: colour("--accent"), county: colour("--mark"), need: colour("--bad"), offer: colour("--accent") };
  const map = L.map(place, { scrollWheelZoom: false, attributionControl: false, zoomSnap: 0.25, maxZoom: 11 });
  const markers = L.layerGroup().addTo(map);
  let extent = L.latLngBounds([[21.8, 119.9], [25.4, 122.1]]);
  let drawn = null;

  function draw() {
    const source = place.dataset.from ? document.querySelector(place.dataset.from) : place;
    if (!source || source.dataset.points === drawn) return;
    drawn = source.dataset.points;
    const points = JSON.parse(drawn);
    markers.clearLayers();
    [...points].reverse().forEach(mark);  // the need last, so that no offer hides it
    if (place.dataset.from && points.length) extent = L.latLngBounds(points.map((point) => [point.lat, point.lng])).pad(0.3);
    map.fitBounds(extent, { maxZoom: 9 });
  }

  function mark(point) {
    const label = document.createElement("span");
    point.lines.forEach((line, i) => label.append(...(i ? [document.createElement("br"), line] : [line])));
    const isNeed = point.kind === "need";
    const marker = L.circleMarker([point.lat, point.lng], { radius: isNeed ? 5 : 5 + Math.sqrt(point.size), weight: 2, fillOpacity: isNeed ? 1 : 0.55,
      color: isNeed ? colours.need : colour("--accent"), fillColor: colours[point.kind] }).bindTooltip(label).addTo(markers);
    if (point.id) marker.on("click", () => document.getElementById(point.id)?.focus());
  }

  fetch(place.dataset.outline).then((answer) => answer.json()).then((outline) => {
    const land = L.geoJSON(outline, { interactive: false, style: { color: colour("--field"), weight: 1, fillColor: colour("--card"), fillOpacity: 1 } }).addTo(map);
    land.bringToBack();
    if (!place.dataset.from) map.fitBounds(extent = land.getBounds());
  });
  draw();
  if (!place.dataset.from) return;
  new MutationObserver(draw).observe(document.querySelector("main"), { childList: true, subtree: true });
  place.closest("details")?.addEventListener("toggle", () => {
    map.invalidateSize();
    map.fitBounds(extent, { maxZoom: 9 });
  });
}
