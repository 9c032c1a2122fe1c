"use strict";
// Without this script the page shows the same; with it, tables sort and filter, and links open what they lead to.
const PAGE = 25;
const make = (name, attributes = {}, text = "") => Object.assign(document.createElement(name), attributes, { textContent: text });

// A link to a stage opens it, a link to a variant leads to its stages, whatever the filter hides.
function reveal(move) {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target || !target.closest("#stages > section")) return;
  for (const one of [target, target.closest("section"), ...target.querySelectorAll(":scope > details")]) one.hidden = false;
  if (target.tagName === "DETAILS") target.open = true;
  target.scrollIntoView();
  if (move) target.querySelector("summary").focus({ preventScroll: true });
}
addEventListener("hashchange", () => reveal(true));
addEventListener("click", event => {
  const link = event.target.closest("a[href^='#']");
  if (link && link.getAttribute("href") === location.hash) setTimeout(reveal, 0, true);  // no hashchange comes then
});

// A line of tools above a list: a filter, and a page of them at a time.
function tools(place, items, what) {
  if (items().length < 8) return () => {};
  const input = make("input", { type: "search", placeholder: `filter ${what}`, ariaLabel: `filter ${what}` });
  const more = make("button", { type: "button" });
  const said = make("span", { role: "status" });
  const line = make("div", { className: "tools" });
  line.append(input, said, more);
  place.before(line);
  let all = items().length <= PAGE;
  const show = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    let shown = 0;
    for (const item of items()) {
      const text = item.dataset.text ??= (item.querySelector("summary") ?? item).textContent.toLowerCase() + " " + item.id.toLowerCase();
      const fits = words.every(word => text.includes(word));
      found += fits;
      item.hidden = !fits || (!all && shown >= PAGE);
      shown += !item.hidden;
    }
    for (const group of document.querySelectorAll("#stages > section")) {
      group.hidden = !group.querySelector(":scope > details:not([hidden])");
    }
    said.textContent = shown < found ? `${shown} of ${found}` : `${found} ${found === 1 ? what.slice(0, -1) : what}`;
    more.hidden = shown >= found;
    more.textContent = `show all ${found}`;
  };
  input.addEventListener("input", show);
  more.addEventListener("click", () => { all = true; show(); });
  show();
  return show;
}

for (const table of document.querySelectorAll(".variants")) {
  const body = table.tBodies[0];
  const show = tools(table.parentElement, () => [...body.rows], "variants");
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = make("button", { type: "button" }, head.textContent);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const value = row => row.cells[column].dataset.v;
      const numeric = head.classList.contains("number");
      const up = head.ariaSort ? head.ariaSort === "descending" : !numeric;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.ariaSort = up ? "ascending" : "descending";
      const compare = (a, b) => numeric ? a - b : a.localeCompare(b);
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        return x === "" || y === "" ? (x === "") - (y === "") : (up ? 1 : -1) * compare(x, y);
      });
      body.append(...rows);
      show();
    });
  });
}
tools(document.querySelector("#stages > section"), () => [...document.querySelectorAll("#stages > section > details")], "stages");

// On paper nothing can be clicked: every stage is open there, as long as that is no book.
let opened = [];
addEventListener("beforeprint", () => {
  const closed = [...document.querySelectorAll("#stages > section > details:not([open])")];
  opened = closed.length <= 20 ? closed : [];
  for (const one of opened) one.open = true;
});
addEventListener("afterprint", () => { for (const one of opened) one.open = false; });
reveal(false);
