// The map of centres: our own outline, no tiles from anywhere; the table below says the same.
"use strict";
const place = document.getElementById("map");
const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(name).trim();
const map = L.map(place, { scrollWheelZoom: false, attributionControl: false, zoomSnap: 0.25 });
const points = JSON.parse(place.dataset.points);
fetch(place.dataset.outline).then((answer) => answer.json()).then((outline) => {
  const land = L.geoJSON(outline, { interactive: false, style: { color: colour("--field"), weight: 1, fillColor: colour("--card"), fillOpacity: 1 } }).addTo(map);
  map.fitBounds(land.getBounds());
  land.bringToBack();
});
map.setView([23.7, 121], 7);
for (const point of points) {
  const label = document.createElement("span");
  label.textContent = `${point.name}: ${place.dataset.needs} ${point.needs}, ${place.dataset.offers} ${point.offers}`;
  L.circleMarker([point.lat, point.lng], { radius: 5 + Math.sqrt(point.needs + point.offers), color: colour("--accent"),
    fillColor: colour(point.kind === "centre" ? "--accent" : "--mark"), fillOpacity: 0.55, weight: 2 }).bindTooltip(label).addTo(map);
}
