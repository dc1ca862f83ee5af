package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/gocollapse/collapse/internal/project"
	"github.com/gocollapse/collapse/report"
)

// builtReport builds the report from the executed lessons and the committed records, and returns the
// paths of its pages.
func builtReport(t *testing.T) (root string, pages []string) {
	t.Helper()
	root, err := project.Root()
	if err != nil {
		t.Fatal(err)
	}
	lessons, err := filepath.Glob(filepath.Join(root, "build/notebooks/*.ipynb"))
	if err != nil {
		t.Fatal(err)
	}
	if len(lessons) == 0 {
		t.Skip("no lesson is executed: make report executes them")
	}
	records, err := filepath.Glob(filepath.Join(root, "records/*.json"))
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "report")
	if _, err := report.Build(report.Options{Root: root, Out: out, Notebooks: lessons, Records: records,
		Date: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)}); err != nil {
		t.Fatal(err)
	}
	pages, err = filepath.Glob(filepath.Join(out, "*.html"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("the report has no pages: %v", err)
	}
	return root, pages
}

// sized opens a page from the disk in a window of a width.
func (b *Browser) sized(t *testing.T, file string, width int64) {
	t.Helper()
	b.Do(t, file, chromedp.EmulateViewport(width, 900), chromedp.Navigate("about:blank"),
		chromedp.Navigate("file://"+file))
}

// TestReportPages opens every page from the disk on a phone and on a desktop: nothing is wider than the
// window, there is one heading of the first rank, and no script fails.
func TestReportPages(t *testing.T) {
	_, pages := builtReport(t)
	b := Open(t)
	for _, file := range pages {
		for _, width := range []int64{390, 1200} {
			b.sized(t, file, width)
			name := fmt.Sprintf("%s at %d pixels", filepath.Base(file), width)
			if w := Eval[int64](t, b, `document.documentElement.scrollWidth`); w > width {
				t.Errorf("%s is %d pixels wide", name, w)
			}
			if n := Eval[int](t, b, `document.querySelectorAll("h1").length`); n != 1 {
				t.Errorf("%s has %d headings of the first rank", name, n)
			}
			for _, p := range b.Problems() {
				t.Errorf("%s: %s", name, p)
			}
		}
	}
}

// TestSlidersOfPages holds that a slider of a page puts its position into the address, that the address
// leads back to it, and that without scripts a reader sees several positions.
func TestSlidersOfPages(t *testing.T) {
	_, pages := builtReport(t)
	b := Open(t)
	with := 0
	for _, file := range pages {
		b.sized(t, file, 1200)
		if !Eval[bool](t, b, `document.querySelector(".collapse-frames input[type=range]") !== null`) {
			continue
		}
		with++
		name := filepath.Base(file)
		const shown = `[...document.querySelector(".collapse-frames").querySelectorAll(".collapse-frame")]
			.findIndex((f) => !f.hidden)`
		Eval[bool](t, b, `(() => { const r = document.querySelector(".collapse-frames input[type=range]");
			r.value = r.value === r.min ? r.max : r.min; r.dispatchEvent(new Event("input")); return true; })()`)
		moved, hash := Eval[int](t, b, shown), Eval[string](t, b, `location.hash`)
		if hash == "" {
			t.Errorf("%s: the address does not tell the position", name)
			continue
		}
		b.Do(t, name, chromedp.Navigate("about:blank"), chromedp.Navigate("file://"+file+hash))
		if again := Eval[int](t, b, shown); again != moved {
			t.Errorf("%s%s shows frame %d, want %d", name, hash, again, moved)
		}
		b.Do(t, name, emulation.SetScriptExecutionDisabled(true))
		b.sized(t, file, 1200)
		if n := Eval[int](t, b, `document.querySelector(".collapse-frames")
			.querySelectorAll(".collapse-frame:not([hidden])").length`); n < 2 {
			t.Errorf("%s: without scripts %d positions are shown", name, n)
		}
		b.Do(t, name, emulation.SetScriptExecutionDisabled(false))
	}
	if with == 0 {
		t.Error("no page has a slider")
	}
}

// TestAccessibility looks at every page with axe-core, and at one of each kind in a dark setting, for what
// keeps people from using it.
func TestAccessibility(t *testing.T) {
	root, pages := builtReport(t)
	axe, err := os.ReadFile(filepath.Join(root, "build/axe/axe_playwright_python/axe.min.js"))
	if err != nil {
		t.Skip("no axe-core in build/axe: make test installs it")
	}
	b := Open(t)
	for _, scheme := range []string{"light", "dark"} {
		for _, file := range pages {
			// Dark differs in colours alone: one page of each kind will do.
			if scheme == "dark" && !slices.Contains([]string{"index.html", "runs.html", "fig1.html",
				"09_global_minimiser.html"}, filepath.Base(file)) {
				continue
			}
			b.Do(t, "the scheme", emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme}}))
			b.sized(t, file, 1200)
			b.Do(t, "axe-core", chromedp.Evaluate(string(axe), nil))
			for _, v := range Eval[[]string](t, b, `axe.run(document, {resultTypes: ["violations"]}).then((r) =>
				r.violations.filter((v) => v.impact === "serious" || v.impact === "critical").map((v) =>
				v.id + ": " + v.help + " (" + v.nodes.length + "), such as " + v.nodes[0].html.slice(0, 200)))`) {
				t.Errorf("%s, %s: %s", filepath.Base(file), scheme, v)
			}
		}
	}
}
