document.addEventListener("DOMContentLoaded", () => {
  "use strict";
  const cases = [...document.querySelectorAll(".case")];
  const chips = [...document.querySelectorAll("button[data-verdict]")];
  const search = document.getElementById("search");
  const shown = document.getElementById("shown");
  let verdict = "all";
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const one of cases) {
      const fits = (verdict === "all" || one.dataset.verdict === verdict) && words.every((word) => one.dataset.text.includes(word));
      one.hidden = !fits;
      if (fits) count += 1;
    }
    shown.textContent = count + " / " + cases.length;
  };
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      verdict = chip.dataset.verdict;
      for (const one of chips) one.setAttribute("aria-pressed", String(one === chip));
      show();
    });
  }
  search.addEventListener("input", show);
  const openAll = (open) => { for (const one of cases) if (!one.hidden) one.open = open; };
  document.getElementById("open_all").addEventListener("click", () => openAll(true));
  document.getElementById("close_all").addEventListener("click", () => openAll(false));
  const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (target && target.classList.contains("case")) target.open = true;
  show();
});
