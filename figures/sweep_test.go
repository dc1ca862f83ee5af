package figures

import (
	"math"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/ufm"
)

// Figure 3 shows the mean over seeds of each δ: ECE before and after T, T itself (on a log axis the
// geometric mean), and the norms.
func TestFigure3(t *testing.T) {
	f, err := Figure3(finalRuns()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		panel, series string
		want          []float64
	}{
		{"test ECE", "CIFAR-10, before T", []float64{15, 5}}, {"test ECE", "CIFAR-10, after T", []float64{3, 3}},
		{"temperature", "CIFAR-10", []float64{math.Sqrt(1.5 * 2.5), 0.8}},
		{"norm of the classifier", "CIFAR-10", []float64{1, 1}},
		{"norm of the features", "CIFAR-10", []float64{3, 3}},
	} {
		var got []float64
		for _, r := range rows(t, f, c.panel) {
			if r["series"] == c.series && r["seed"] == "mean" {
				got = append(got, number(t, r["y"]))
			}
		}
		if len(got) != 2 || math.Abs(got[0]-c.want[0]) > 1e-12 || math.Abs(got[1]-c.want[1]) > 1e-12 {
			t.Errorf("%s of %s: %v, want %v", c.panel, c.series, got, c.want)
		}
	}
	if f.Number != "3" || !strings.Contains(f.Caption, "Seeds: 2 at δ = 0, 1 at δ = 0.05.") {
		t.Errorf("number %q, caption %q", f.Number, f.Caption)
	}
}

// The text on a sweep says where a U turns, and a δ with three seeds has an interval.
func TestFigure6(t *testing.T) {
	f, err := Figure6(Of(sweepRuns(3)...)...)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(f.Alt, "(a) NC1: decreases from 0.0986 at δ = 0 to 0.0707 at δ = 0.2, "+
		"then increases to 0.207 at δ = 0.95.") {
		t.Errorf("alternative text %s", f.Alt)
	}
	for _, r := range rows(t, f, "NC3") {
		delta := number(t, r["x"])
		if r["seed"] == "mean" && (r["low"] != "") != (delta <= 0.1) {
			t.Errorf("δ = %v has the interval %q", delta, r["low"])
		}
	}
}

// Runs of two settings are two lines, and runs of two data sets have panels of their own.
func TestSweepsApart(t *testing.T) {
	runs := sweepRuns(1)
	for _, r := range sweepRuns(1) {
		r.Spec.Decay = 5e-3
		runs = append(runs, r)
	}
	for _, r := range sweepRuns(1) {
		r.Spec.Dataset = "cifar100"
		runs = append(runs, r)
	}
	f, err := Figure6(Of(runs...)...)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(texts(t, f.SVG), "|")
	for _, want := range []string{"CIFAR-10, decay 0.0005", "CIFAR-10, decay 0.005", "(a) CIFAR-10: NC1",
		"(l) CIFAR-100: norm of the features"} {
		if !strings.Contains(all, want) {
			t.Errorf("no text %q in %s", want, all)
		}
	}
}

// A planned run that is not recorded is named with the command that makes it: in a panel where its data
// set has no other, and in the caption.
func TestMissingRuns(t *testing.T) {
	for _, id := range []string{"fig2", "fig3", "fig5", "fig6", "fig8", "fig9", "fig10"} {
		e := entryOf(id)
		planned := []Series{missing("cifar100", "ce", 0), missing("cifar100", "ls", 0.05)}
		for _, runs := range [][]Series{planned, append(runsOf(e), planned...)} {
			f, err := e.Figure(e.From(runs...)...)
			if err != nil {
				t.Errorf("%s: %v", id, err)
				continue
			}
			all := strings.Join(texts(t, f.SVG), "|")
			if !strings.Contains(all, "cifar100-twin-ls-2021") ||
				!strings.Contains(all, "collapse reproduce fig2 --run") ||
				!strings.Contains(f.Caption, "not recorded: cifar100-twin-ce-2021, cifar100-twin-ls-2021.") ||
				!strings.Contains(f.Alt, "cifar100-twin-ce-2021") {
				t.Errorf("%s: texts %s, caption %s", id, all, f.Caption)
			}
		}
	}
}

// Figure 2 says which loss has the smaller NC2 at one NC1.
func TestFigure2(t *testing.T) {
	f, err := Figure2(pair("cifar10", 20)...)
	if err != nil {
		t.Fatal(err)
	}
	// NC1 = 27 q x^−1.4 and NC2 = 1.05 q x^−0.28, so NC2 = 1.05 q (NC1/27q)^0.2; the ranges of NC1 share
	// CE's last to LS's first, with q = 0.8.
	level := math.Sqrt(27 * math.Pow(20, -1.4) * 27 * 0.8)
	ce, ls := 1.05*math.Pow(level/27, 0.2), 1.05*0.8*math.Pow(level/21.6, 0.2)
	want := "where NC1 is " + three(level) + ", NC2 is " + three(ce) + " for CE, " + three(ls) + " for LS (δ = 0.05)."
	if !strings.Contains(f.Alt, want) {
		t.Errorf("alternative text %q lacks %q", f.Alt, want)
	}
}

// Figure 5 takes the constants of Table 2.
func TestFigure5(t *testing.T) {
	runs := pair("cifar10", 40)
	for _, s := range runs {
		s.Record.Spec.ScheduleEpochs = 800
	}
	f, err := Figure5(runs...)
	if err != nil {
		t.Fatal(err)
	}
	// The runs end before their schedule, so that L_min is the floor: 0 for CE.
	for _, r := range rows(t, f, "log-scaled") {
		if want := math.Log(2*math.Exp(-number(t, r["x"])/8) + 0.002); r["series"] == "CE" &&
			math.Abs(number(t, r["y"])-want) > 1e-12 {
			t.Errorf("epoch %s: %s, want %v", r["x"], r["y"], want)
		}
	}
	if !strings.Contains(f.Caption, "L_min is the least value that the loss can have") {
		t.Errorf("caption %s", f.Caption)
	}
	for _, s := range runs {
		s.Record.Spec.ScheduleEpochs = 40
	}
	if f, err = Figure5(runs...); err != nil || !strings.Contains(f.Caption, "L_min is the run's own least loss") {
		t.Errorf("complete runs: %v", err)
	}
	if _, err := Figure5(Of(synthetic("mnist", "ce", 0, 1, 3))...); err == nil ||
		!strings.Contains(err.Error(), "Figure 5 is of log(L − L_min + c)") {
		t.Errorf("a data set without a constant: %v", err)
	}
}

// Figure 8 compares with Theorem 4.1: made-up norms are 1+e^(−epoch/4) and 1−e^(−epoch/3)/2 times it.
func TestFigure8(t *testing.T) {
	f, err := Figure8(Of(ufmRuns()...)...)
	if err != nil {
		t.Fatal(err)
	}
	for panel, want := range map[string]func(x float64) float64{
		"relative error of ‖w‖": func(x float64) float64 { return math.Exp(-x / 4) },
		"relative error of ‖h‖": func(x float64) float64 { return math.Exp(-x/3) / 2 },
	} {
		got := rows(t, f, panel)
		if len(got) != 60 {
			t.Errorf("%s: %d points", panel, len(got))
		}
		for _, r := range got {
			if w := want(number(t, r["x"])); math.Abs(number(t, r["y"])-w) > 1e-9 {
				t.Errorf("%s of %s at %s: %s, want %v", panel, r["series"], r["x"], r["y"], w)
			}
		}
	}
	unbalanced := ufmRuns()[0]
	unbalanced.Data.Train = 4999
	decayed := synthetic("cifar10", "ce", 0, 1, 3)
	strong := ufmRuns()[1]
	strong.Spec.LambdaH, strong.Spec.Name = 1e-1, "strong"
	for name, c := range map[string]struct {
		err  error
		says string
	}{
		"unbalanced":   {second(Figure8(Of(unbalanced)...)), "balanced classes"},
		"decayed":      {second(Figure8(Of(decayed)...)), "is not one"},
		"decayed, 10":  {second(Figure10(Of(decayed)...)), "is not one"},
		"strong":       {second(Figure10(Of(strong)...)), `run "strong" has s = `},
		"penalties, 9": {second(Figure9(Of(unbalanced)...)), "which is Figure 10"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, c.err, c.says)
		}
	}
}

// On free features the norms come within a hundredth of the closed form, as the paper has it.
func TestFreeFeatures(t *testing.T) {
	f, err := entryOf("fig8").Theory(ufm.PaperParams())
	if err != nil {
		t.Fatal(err)
	}
	last := map[string]float64{}
	for _, r := range rows(t, f, "relative error") {
		last[r["panel"]+r["series"]] = number(t, r["y"])
	}
	if len(last) != 6 {
		t.Errorf("%d curves", len(last))
	}
	for name, v := range last {
		if v > 0.01 {
			t.Errorf("%s ends with %v", name, v)
		}
	}
	p := ufm.PaperParams()
	p.LambdaH = 1
	if _, err := entryOf("fig10").Theory(p); err == nil || !strings.Contains(err.Error(), "smaller penalties") {
		t.Errorf("s above 1: %v", err)
	}
}

// A record without rows leaves panels that say so.
func TestFiguresOfEmptyRuns(t *testing.T) {
	r := synthetic("cifar10", "ce", 0, 1, 3)
	r.Epochs, r.Status = nil, record.Running
	for name, draw := range map[string]func(...Series) (*Figure, error){"2": Figure2, "5": Figure5, "6": Figure6,
		"9": Figure9} {
		f, err := draw(Of(r)...)
		if err != nil || !strings.Contains(string(f.SVG), "nothing measured to draw") {
			t.Errorf("Figure %s: %v", name, err)
		}
	}
}
