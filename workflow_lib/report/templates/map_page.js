const map = document.getElementById("map"), sheet = document.getElementById("sheet");
let zoom = 1, left = 0, top_ = 0, drag = null;
function show() {
  const most = 1 - zoom;
  left = Math.min(0, Math.max(most * map.clientWidth, left));
  top_ = Math.min(0, Math.max(most * map.clientHeight, top_));
  sheet.style.transform = `translate(${left}px, ${top_}px) scale(${zoom})`;
  sheet.style.setProperty("--zoom", zoom);
}
function zoomAt(x, y, factor) {
  const next = Math.min(40, Math.max(1, zoom * factor)), by = next / zoom;
  left = x - by * (x - left);
  top_ = y - by * (y - top_);
  zoom = next;
  show();
}
map.addEventListener("wheel", (event) => {
  event.preventDefault();
  const box = map.getBoundingClientRect();
  zoomAt(event.clientX - box.left, event.clientY - box.top, event.deltaY < 0 ? 1.25 : 0.8);
}, { passive: false });
map.addEventListener("keydown", (event) => {
  const factor = { "+": 1.25, "=": 1.25, "-": 0.8 }[event.key];
  if (factor) zoomAt(map.clientWidth / 2, map.clientHeight / 2, factor);
});
map.addEventListener("pointerdown", (event) => {
  drag = [event.clientX - left, event.clientY - top_];
  map.setPointerCapture(event.pointerId);
});
map.addEventListener("pointermove", (event) => {
  if (drag) { left = event.clientX - drag[0]; top_ = event.clientY - drag[1]; show(); }
});
map.addEventListener("pointerup", () => { drag = null; });
document.getElementById("reset").addEventListener("click", () => { zoom = 1; show(); });
for (const box of document.querySelectorAll("[data-layer]"))
  box.addEventListener("change", () => { document.getElementById(`layer-${box.dataset.layer}`).hidden = !box.checked; });
