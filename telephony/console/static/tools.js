// The list of tools and personas: finding, adding, duplicating.
import { shortcut } from "./base.js";

const search = document.getElementById("q");
const rows = [...document.querySelectorAll("tr[data-words]")];

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of rows) {
    const said = row.dataset.words.toLowerCase();
    row.hidden = !words.every((word) => said.includes(word));
  }
  for (const section of document.querySelectorAll("section")) {
    const nothing = section.querySelector(".nothing");
    if (nothing) nothing.hidden = [...section.querySelectorAll("tr[data-words]")].some((row) => !row.hidden);
  }
}

search.addEventListener("input", filter);
shortcut("/", "Search", () => search.focus());

const adding = document.getElementById("adding");
if (adding) {
  const form = adding.querySelector("form");
  const open = () => { adding.showModal(); form.elements.name.focus(); };
  document.getElementById("add").addEventListener("click", open);
  document.getElementById("never").addEventListener("click", () => adding.close());
  shortcut("n", "Add a tool or a persona", open);
  form.elements.source.addEventListener("change", () => {
    const path = form.elements.source.value.split(":").pop();
    if (path.startsWith("personas/")) form.elements.kind.value = "persona";
    if (path.startsWith("tools/")) form.elements.kind.value = "tool";
    const stem = path.replace(/^.*\/|\.yaml$/g, "");
    if (!form.elements.name.value) form.elements.name.value = stem;
  });
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", () => {
      form.elements.kind.value = button.dataset.kind;
      form.elements.source.value = button.dataset.copy;
      form.elements.name.value = `${button.dataset.name}_copy`;
      open();
      form.elements.name.select();
    });
  }
}
filter();
