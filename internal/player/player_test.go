package player

import (
	"context"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// page is an exported page with a slider that plays and a grid. It logs which frames are shown.
const page = `<!doctype html><meta charset="utf-8"><title>t</title>
<div class="collapse-frames" data-axes='[{"name":"δ","key":"delta","labels":["0","0.1","0.5"],"start":1,"play":true}]'>
<div class="collapse-frame" hidden>a</div><div class="collapse-frame"><p class="collapse-at">x</p>b</div>
<div class="collapse-frame" hidden>c</div></div>
<div class="collapse-frames" data-axes='[{"name":"K","key":"k","labels":["2","10"],"start":0},
{"name":"δ","key":"delta","labels":["0","1"],"start":0}]'>
<div class="collapse-frame">2 0</div><div class="collapse-frame">2 1</div><div class="collapse-frame">10 0</div>
<div class="collapse-frame">10 1</div></div>
<pre id="log"></pre><script>%[1]s</script><script>%[1]s</script><script>
const $ = (s) => [...document.querySelectorAll(s)];
const log = (what) => document.getElementById("log").textContent += what + ": " + location.hash + " " +
  $(".collapse-frame:not([hidden])").map((f) => f.textContent).join(" | ") + "\n";
const move = (i, to) => { const r = $("input")[i]; r.value = to; r.dispatchEvent(new Event("input")); };
const button = () => $("button")[0];
log("opened");
log(["controls", $("input").length, $("button").length, $("label").map((l) => l.textContent).join(",")].join(" "));
// JupyterLab listens for keys above the outputs and would move to another cell.
let heard = 0;
document.body.addEventListener("keydown", () => heard++);
$("input")[0].dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
log("keys heard above " + heard);
move(0, 0); log("first " + $("input")[0].getAttribute("aria-valuetext"));
move(1, 1); move(2, 1); log("grid");
location.hash = "#delta=0.12&k=2";
setTimeout(() => { log("address"); button().click(); log(button().textContent); }, 100);
setTimeout(() => log("played " + button().textContent), 2000);
</script>`

// The script moves frames by its controls, by the address and by playing. Where scripts are
// stripped, the markup itself shows what nb left visible.
func TestScriptInABrowser(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no browser: apt-get install chromium")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, fmt.Appendf(nil, page, Script), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	// The virtual time lets the page's timers run out however slow the machine is.
	out, err := exec.CommandContext(ctx, browser, "--headless=new", "--no-sandbox", "--disable-gpu",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--virtual-time-budget=5000", "--dump-dom",
		"file://"+file+"#delta=0.5").Output()
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	found := regexp.MustCompile(`(?s)<pre id="log">(.*?)</pre>`).FindStringSubmatch(string(out))
	if found == nil {
		t.Fatalf("the page has no log:\n%s", out)
	}
	want := `opened: #delta=0.5 c | 2 0
controls 3 1 δ0.5,K2,δ0: #delta=0.5 c | 2 0
keys heard above 0: #delta=0.5 c | 2 0
first 0: #delta=0 a | 2 0
grid: #delta=0&k=10&delta-2=1 a | 10 1
address: #delta=0.12&k=2 b | 2 1
Pause: #delta=0.12&k=2 b | 2 1
played Play: #delta=0.5&delta-2=1 c | 2 1`
	if got := strings.TrimSpace(html.UnescapeString(found[1])); got != want {
		t.Errorf("the page logged\n%s\nwant\n%s", got, want)
	}
}
