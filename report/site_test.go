package report

import (
	"encoding/csv"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/gocollapse/collapse/claims"
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/record"
)

// holds checks that a page holds texts and lacks others.
func holds(t *testing.T, pages map[string]string, name string, want []string, never ...string) {
	t.Helper()
	p, ok := pages[name]
	if !ok {
		t.Fatalf("there is no page %s", name)
	}
	for _, w := range want {
		if !strings.Contains(p, w) {
			t.Errorf("%s does not say %q", name, w)
		}
	}
	for _, w := range never {
		if strings.Contains(p, w) {
			t.Errorf("%s says %q", name, w)
		}
	}
}

// TestIndex: claims, figures and tables, lessons and runs, in this order, with links between them.
func TestIndex(t *testing.T) {
	_, pages := built(t)
	p := pages["index.html"]
	at := 0
	for _, part := range []string{`id="claims"`, `id="limits"`, `id="figures"`, `id="lessons"`, `id="runs"`} {
		i := strings.Index(p, part)
		if i < at {
			t.Errorf("%s is missing or out of order", part)
		}
		at = i
	}
	if n := strings.Count(p, `<details class="claim"`); n != len(claims.All()) {
		t.Errorf("%d claims on the scoreboard, want %d", n, len(claims.All()))
	}
	for _, c := range claims.All() {
		if !strings.Contains(p, `id="`+c.ID+`"`) || !strings.Contains(p, html.EscapeString(c.Sentence)) {
			t.Errorf("the scoreboard lacks %s", c.ID)
		}
	}
	holds(t, pages, "index.html", []string{"A lesson with", "The first paragraph", "fig1.html", "table1.html",
		"thm4.1.html", "runs.html", "4 runs", "2 settings", "Fashion-MNIST", "CIFAR-10", "reduced scale", "closed form",
		"To make them", "collapse reproduce", "aria-label=\"Contents of this page\""}, "paper scale</span>")
	// A claim that runs could not decide names the runs that it looked at, with links to them.
	if !strings.Contains(p, `<dt>Rests on</dt><dd><a href="run-cifar10-ce.html">cifar10-ce</a>`) {
		t.Error("no claim links to the runs that it rests on")
	}
}

// TestWithoutRuns: closed forms are decided, and the rest says what is missing.
func TestWithoutRuns(t *testing.T) {
	o := project(t)
	o.Notebooks, o.Records = nil, nil
	pages := build(t, o)
	holds(t, pages, "index.html", []string{"closed form", "no runs yet", "No record was found", "Missing: it needs",
		"cifar10-twin-ce, seeds 2021 to 2025", "thm4.1.html"}, `id="lessons"`, "Rests on")
	holds(t, pages, "fig1.html", []string{"Figure 1 is missing", "collapse reproduce fig1 --run", "c3.1-ls-faster-nc2"})
	holds(t, pages, "runs.html", []string{"No record was found"}, "<script")
}

// TestManyRuns: fifty runs of one setting are one line each, and their setting is described once.
func TestManyRuns(t *testing.T) {
	o := project(t)
	o.Notebooks, o.Records = nil, nil
	s := &site{date: o.Date}
	for seed := range 25 {
		for _, loss := range []string{"ce", "ls"} {
			r := synthetic("cifar10", loss, 2)
			r.Spec.Seed = int64(seed)
			name := fmt.Sprintf("%s-%d", loss, seed)
			s.runs = append(s.runs, &run{Record: r, name: name, file: "run-" + name + ".html"})
		}
	}
	s.groups = grouped(s.runs)
	p := &page{site: s, ids: map[string]bool{}}
	body, err := p.listRuns()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(body, "<tr data-set="); n != 50 {
		t.Errorf("%d lines of runs, want 50", n)
	}
	for _, want := range []string{"50 runs in 1 setting", "25 different ones", `<option>24</option>`,
		"<td>cross entropy<br>label smoothing, δ = 0.05</td>"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page of runs lacks %q", want)
		}
	}
}

// TestRuns: each setting is described with its runs.
func TestRuns(t *testing.T) {
	_, pages := built(t)
	holds(t, pages, "runs.html", []string{"Fashion-MNIST", "CIFAR-10", "reduced scale", "official bytes (embedded)",
		"5000 training", "ResNet-18 of width 16", "ResNet-18 with 16 channels", "cross entropy",
		"label smoothing, δ = 0.05", "xla:cpu", "Test CPU &lt;1&gt; (2 cores)", "4 min 5 s", "GoMLX v0.28.2",
		`data-loss="LS (δ = 0.05)"`, `<a href="fig1.html#`}, "paper scale</span>")
}

// TestEntryPages: a figure or table per setting, with its files; what lacks runs says what it needs.
func TestEntryPages(t *testing.T) {
	_, pages := built(t)
	holds(t, pages, "fig1.html", []string{"Figure 1", "CIFAR-10", "Fashion-MNIST", ">SVG</a>", "The picture in words"})
	holds(t, pages, "table1.html", []string{"Runs without it", "a row at epoch 10", ">CSV</a>"})
	holds(t, pages, "thm4.1.html", []string{"Theorem 4.1: Norms"})
	holds(t, pages, "thm4.2.html", []string{"Theorem 4.2: Condition number"})
	holds(t, pages, "fig4.html", []string{"Figure 4 is missing", "collapse reproduce fig4 --run"})
	// The paper's numbers are shown with its own data set only.
	if n := strings.Count(pages["table1.html"], ">21.23<"); n != 1 {
		t.Errorf("the paper's cell 21.23 is %d times on the page, want once", n)
	}
	for name, want := range map[string]string{"svg": "<svg ", "png": "\x89PNG"} {
		if b := pages["files/fig1-cifar-10-resnet-18-of-width-16."+name]; !strings.HasPrefix(b, want) {
			t.Errorf("the file of Figure 1 as %s starts with %.20q", name, b)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(pages["files/table1-cifar-10-resnet-18-of-width-16.csv"])).ReadAll()
	if err != nil || len(rows) < 2 || !slices.ContainsFunc(rows, func(r []string) bool {
		return slices.Contains(r, "21.23")
	}) {
		t.Errorf("Table 1 as CSV: %v, %v", rows, err)
	}
}

// TestTitles: settings of the same data and network are told apart by what differs.
func TestTitles(t *testing.T) {
	var runs []*run
	for _, decay := range []float64{5e-4, 5e-3} {
		r := synthetic("cifar10", "ce", 2)
		r.Spec.Decay = decay
		runs = append(runs, &run{Record: r})
	}
	gs := grouped(runs)
	if len(gs) != 2 || !strings.HasSuffix(gs[0].title, ", decay 0.0005") ||
		!strings.HasSuffix(gs[1].title, ", decay 0.005") || gs[0].id == gs[1].id {
		t.Errorf("%d settings: %+v %+v", len(gs), gs[0], gs[1])
	}
}

// Every page names loss, optimiser and schedule of a run as its specification has them.
func TestRunIsDescribed(t *testing.T) {
	o := project(t)
	r := synthetic("cifar10", "focal", 40)
	r.Spec.FocalGamma, r.Spec.Optimizer, r.Spec.Schedule, r.Spec.ScheduleEpochs = 3, "adamw", "cosine", 40
	o.Notebooks, o.Records = nil, []string{filepath.Join(o.Root, "focal.json")}
	if err := r.WriteFile(o.Records[0]); err != nil {
		t.Fatal(err)
	}
	pages := build(t, o)
	for name, want := range map[string]string{"runs.html": "focal (γ = 3)", "run-focal.html": "focal loss, γ = 3"} {
		holds(t, pages, name, []string{want, "<td>AdamW with β₁ = 0.9", "along a cosine of 40 epochs"},
			">cross entropy", "δ = 0<", "SGD", "rate ×")
	}
}

// Figure 4 is on the page of a run, and has its setting on its own page, where the record holds what
// it needs.
func TestFigure4WhereMeasured(t *testing.T) {
	for _, calibrated := range []bool{true, false} {
		r := &run{Record: synthetic("cifar10", "ce", 12), name: "r", file: "r.html"}
		for i := range r.Epochs {
			if calibrated {
				r.Epochs[i].Test = &record.Calibration{NLL: 1, ECE: 0.1, Correct: record.Outcome{N: 1, NLL: 1}}
			}
		}
		s := &site{runs: []*run{r}, groups: grouped([]*run{r})}
		body, err := r.body(&page{site: s, ids: map[string]bool{}})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(body, "Calibration along training"); got != calibrated {
			t.Errorf("calibrated %v: Figure 4 on the run's page %v", calibrated, got)
		}
		four := entryPage(t, s, "fig4")
		shown, absent := strings.Contains(four, "Figure 4. Calibration"),
			strings.Contains(four, "Figure 4 is missing.</strong> It needs calibration")
		if shown != calibrated || absent == calibrated {
			t.Errorf("calibrated %v: Figure 4 on its page %v, called missing %v", calibrated, shown, absent)
		}
	}
}

// entryPage returns the body of the page of a figure or table.
func entryPage(t *testing.T, s *site, id string) string {
	t.Helper()
	found, err := figures.ByID(id)
	if err != nil {
		t.Fatal(err)
	}
	e := &entry{Entry: found}
	if err := e.make(s.groups); err != nil {
		t.Fatal(err)
	}
	body, err := e.body(&page{site: s, ids: map[string]bool{}})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestTable2AtPaperScale: Table 2 is made of runs at the paper's scale, and of no other.
func TestTable2AtPaperScale(t *testing.T) {
	for train, want := range map[int]bool{50000: true, 5000: false} {
		var runs []*run
		for _, loss := range []string{"ce", "ls"} {
			r := synthetic("cifar10", loss, 100)
			r.Spec.Width, r.Spec.Milestones, r.Data.Train = 64, []int{150, 350}, train
			r.Scale = r.Spec.Scale()
			for i := range r.Epochs {
				r.Epochs[i].TrainLoss = record.Number(0.4 + math.Exp(-float64(i)/8))
			}
			runs = append(runs, &run{Record: r, name: loss, file: loss + ".html"})
		}
		s := &site{runs: runs, groups: grouped(runs)}
		one, two := entryPage(t, s, "table1"), entryPage(t, s, "table2")
		if !strings.Contains(one, "Table 1. ") || strings.Contains(two, "Table 2. ") != want ||
			strings.Contains(one, "paper scale</span>") != want {
			t.Errorf("%d training images: Table 2 %v, the badge of paper scale %v, want %v", train,
				strings.Contains(two, "Table 2. "), strings.Contains(one, "paper scale</span>"), want)
		}
	}
	_, pages := built(t)
	holds(t, pages, "table2.html", []string{"Table 2 is missing", "at the paper&#39;s scale"}, "Table 2. ")
}
