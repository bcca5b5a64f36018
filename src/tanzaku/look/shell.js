(() => {
  "use strict";
  const root = document.documentElement;
  const keep = (name, value) => { try { localStorage.setItem("tanzaku." + name, value); } catch { /* a page may keep nothing */ } };
  const find = (name) => { try { return localStorage.getItem("tanzaku." + name); } catch { return null; } };
  const setTheme = (theme) => { if (theme === "light" || theme === "dark") root.dataset.theme = theme; };
  const setLanguage = (lang) => { if (lang === "en" || lang === "zh-CN") root.lang = lang; };
  setTheme(find("theme"));
  setLanguage(find("lang"));
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", () => {
      const now = root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
      setTheme(now === "dark" ? "light" : "dark");
      keep("theme", root.dataset.theme);
    });
    document.getElementById("lang").addEventListener("click", () => {
      setLanguage(root.lang === "en" ? "zh-CN" : "en");
      keep("lang", root.lang);
    });
  });
})();
