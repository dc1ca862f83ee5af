// Shows the rows of the table of runs that have every chosen value.
(function () {
  var bar = document.getElementById("filters");
  var choices = Array.prototype.slice.call(bar.querySelectorAll("select"));
  var rows = Array.prototype.slice.call(document.querySelectorAll("table.runs tbody tr"));
  var count = bar.querySelector("output");
  function show() {
    var shown = 0;
    rows.forEach(function (row) {
      var fits = choices.every(function (c) {
        return c.value === "" || row.getAttribute("data-" + c.getAttribute("data-key")) === c.value;
      });
      row.hidden = !fits;
      if (fits) shown++;
    });
    count.textContent = shown + " of " + rows.length + " runs";
  }
  choices.forEach(function (c) { c.addEventListener("change", show); });
  bar.hidden = false;
  show();
})();
