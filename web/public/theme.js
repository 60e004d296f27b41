// Runs before the first paint, so that a chosen theme does not flash. A file of its own because
// the server's content security policy forbids inline scripts.
(function () {
  var root = document.documentElement;
  try {
    var theme = localStorage.getItem("waypost.theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    var density = localStorage.getItem("waypost.density");
    if (density === "compact") root.dataset.density = density;
  } catch (e) {
    // Storage can be forbidden; the system's theme is used then.
  }
})();
