
document.addEventListener("DOMContentLoaded", () => {
  "use strict";
  const reveal = () => {
    let one = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    const target = one;
    for (; one; one = one.parentElement) {
      if (one.tagName === "DETAILS") one.open = true;
      if (one.classList.contains("panel")) one.previousElementSibling.control.checked = true;
    }
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
  const search = document.getElementById("search");
  if (!search) return;
  document.getElementById("searching").hidden = false;
  const rows = [...document.querySelectorAll("tr.entry")];
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
      if (!row.hidden) count += 1;
    }
    document.getElementById("shown").textContent = count + " / " + rows.length;
  };
  search.addEventListener("input", show);
  show();
});
