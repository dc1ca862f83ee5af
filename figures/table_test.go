package figures

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
)

func col(t *testing.T, tab *Table, name string) int {
	t.Helper()
	for i, h := range tab.Header {
		if h == name {
			return i
		}
	}
	t.Fatalf("no column %q in %q", name, tab.Header)
	return -1
}

func TestTable1Reduced(t *testing.T) {
	tab, err := Table1(pair("cifar10", 40)...)
	if err != nil {
		t.Fatal(err)
	}
	if len(tab.Rows) != 8 { // epochs 10 and 20, four errors each
		t.Fatalf("%d rows, want 8", len(tab.Rows))
	}
	golden(t, "table1.txt", tab.Text())
	text := tab.Text()
	for _, want := range []string{"measured, reduced scale", "the paper (800 epochs)", "4.84", "3.41", "+0.37",
		"Verdict: not decided", "Reduced scale", "40 steps"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, r := range tab.Rows {
		if r[col(t, tab, "sign as in the paper")] != NotDecided {
			t.Errorf("one seed decides nothing: %q", r)
		}
	}
}

// TestTable1Cells checks that the cells of the embedded table are the paper's, by the
// counts that experiments.md states: LS under CE in 16, 10, 12 and 15 of 16.
func TestTable1Cells(t *testing.T) {
	cells, err := record.PaperTable1()
	if err != nil || len(cells) != 4*16 {
		t.Fatalf("%d cells, %v", len(cells), err)
	}
	got := map[string]int{}
	for _, c := range cells {
		if c.LS < c.CE {
			got[c.Metric]++
		}
	}
	for name, want := range map[string]int{"train_error": 16, "test_error": 10, "ncc_error": 12, "ncc_test_error": 15} {
		if got[name] != want {
			t.Errorf("%s: LS under CE in %d cells of 16, want %d", name, got[name], want)
		}
	}
}

// TestTable1PaperSets: each of the paper's four sets has its own cells and notes.
func TestTable1PaperSets(t *testing.T) {
	for _, c := range []struct {
		dataset, name, paper string
		steps                int       // of an epoch of the paper's: 50,000, 5,000 and 100,000 images in batches of 128
		first                [3]string // training error at epoch 10
	}{
		{"cifar10", "CIFAR-10", "the paper (800 epochs)", 391, [3]string{"4.84", "3.41", "−1.43"}},
		{"cifar100", "CIFAR-100", "the paper (800 epochs)", 391, [3]string{"41.29", "37.37", "−3.92"}},
		{"stl10", "STL-10", "the paper (800 epochs)", 40, [3]string{"65.74", "62.41", "−3.33"}},
		{"tiny-imagenet", "Tiny ImageNet", "the paper (300 epochs)", 782, [3]string{"51.04", "50.67", "−0.37"}},
	} {
		runs := pair(c.dataset, 20)
		runs[0].Record.Data.Bytes = record.Unofficial
		tab, err := Table1(runs...)
		if err != nil {
			t.Fatal(err)
		}
		if got := [3]string(tab.Rows[0][5:8]); got != c.first {
			t.Errorf("%s: the paper's cells are %q, want %q", c.dataset, got, c.first)
		}
		text := strings.Join(strings.Fields(tab.Text()), " ")
		for _, want := range []string{c.paper, fmt.Sprintf("the paper's %d.", c.steps), "official bytes of " + c.name +
			".", "sign as in the paper", "Table 1 (arXiv:2402.03979)"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", c.dataset, want, tab.Text())
			}
		}
		if strings.Contains(text, "did not train") {
			t.Errorf("%s: the paper did train on it", c.dataset)
		}
	}
	tab, err := Table1(pair("cifar100-coarse", 20)...)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(tab.Notes, " "), "did not train on CIFAR-100 (20 coarse classes)") {
		t.Errorf("the coarse classes are not the paper's:\n%s", tab.Text())
	}
}

func TestTable1OtherData(t *testing.T) {
	tab, err := Table1(pair("fashion-mnist-small", 12)...)
	if err != nil {
		t.Fatal(err)
	}
	text := tab.Text() + tab.HTML() + tab.Markdown()
	for _, never := range []string{"4.84", "holds", "not hold", "not decided", "2402.03979"} {
		if strings.Contains(text, never) {
			t.Errorf("%q is in the table of another data set", never)
		}
	}
	if !strings.Contains(text, "There is no number of the paper here") {
		t.Error("the table must say that it does not compare")
	}
}

func TestTable1Seeds(t *testing.T) {
	var s []Series
	for seed := int64(1); seed <= 3; seed++ {
		a, b := synthetic("cifar10", "ce", 0, seed, 10), synthetic("cifar10", "ls", 0.05, seed, 10)
		// below CE, as in the paper
		b.Epochs[9].NCCTestError = a.Epochs[9].NCCTestError - 0.01 + record.Number(seed)*0.001
		// above CE, unlike the paper
		b.Epochs[9].NCCError = a.Epochs[9].NCCError + 0.01 + record.Number(seed)*0.001
		b.Epochs[9].TrainError = a.Epochs[9].TrainError + record.Number(seed-2)*0.01 // about 0
		s = append(s, Of(a, b)...)
	}
	tab, err := Table1(s...)
	if err != nil {
		t.Fatal(err)
	}
	v := col(t, tab, "sign as in the paper")
	want := map[string]string{"NCC test": Holds + " (direction)", "NCC training": DoesNotHold +
		" (direction)", "training": NotDecided}
	for _, r := range tab.Rows {
		if w, ok := want[r[1]]; ok && r[v] != w {
			t.Errorf("%s: %q, want %q", r[1], r[v], w)
		}
	}
	// Without one seed's partner there are two pairs, which decide nothing.
	tab, err = Table1(s[:5]...)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range tab.Rows {
		if r[v] != NotDecided {
			t.Errorf("two pairs decided %q", r)
		}
	}
	if !strings.Contains(strings.Join(tab.Notes, " "), "found: 2.") {
		t.Error("the note must say how many seeds are paired")
	}
}

func TestTable1Errors(t *testing.T) {
	if _, err := Table1(pair("cifar10", 9)...); !errors.Is(err, ErrNoEpochs) ||
		!strings.Contains(err.Error(), "ends at epoch 9") {
		t.Errorf("nine epochs: %v", err)
	}
	if _, err := Table1(); !errors.Is(err, ErrNoSeries) {
		t.Errorf("no run: %v", err)
	}
	mixed := Of(synthetic("cifar10", "ce", 0, 1, 10), synthetic("fashion-mnist-small", "ls", 0.05, 1, 10))
	if _, err := Table1(mixed...); err == nil || !strings.Contains(err.Error(), "dataset fashion-mnist-small") {
		t.Errorf("mixed data sets: %v", err)
	}
	rounded := pair("cifar10", 10)
	rounded[1].Record.Spec.Precision = "tf32"
	if _, err := Table1(rounded...); err == nil || !strings.Contains(err.Error(), "precision tf32, "+
		"the first run float32") {
		t.Errorf("two precisions: %v", err)
	}
	wide := pair("cifar10", 10)
	wide[1].Record.Spec.Width = 64
	if _, err := Table1(wide...); err == nil || !strings.Contains(err.Error(), "width") {
		t.Errorf("mixed widths: %v", err)
	}
}

func TestTable1OneLossAndGaps(t *testing.T) {
	r := synthetic("cifar10", "ce", 0, 1, 10)
	r.Epochs[9].NCCError = record.Number(math.NaN())
	tab, err := Table1(Series{Record: r})
	if err != nil {
		t.Fatal(err)
	}
	if tab.Rows[2][2] != "–" {
		t.Errorf("an undefined value must be a dash: %q", tab.Rows[2])
	}
	if !strings.Contains(tab.Text(), "needs runs under CE and under LS") || strings.Contains(tab.Text(), "NaN") {
		t.Errorf("%s", tab.Text())
	}
}

// TestPaperScaleIsNotClaimed: a record that calls itself paper scale without the
// paper's settings is refused by name.
func TestPaperScaleIsNotClaimed(t *testing.T) {
	r := synthetic("cifar10", "ce", 0, 1, 10)
	r.Scale, r.Spec.Name = record.PaperScale, "narrow"
	_, err := Table1(Series{Record: r})
	if err == nil || !strings.Contains(err.Error(), "narrow says it is at the paper's scale") {
		t.Errorf("a width-16 run at paper scale: %v", err)
	}
}

// TestPartOfASet: a run with the paper's specification on fewer training images than
// the paper's, as of a part of Tiny ImageNet, is not at its scale.
func TestPartOfASet(t *testing.T) {
	s := record.DefaultSpec()
	s.Dataset, s.Model, s.Milestones = "tiny-imagenet", "resnet50", []int{100, 200}
	r := &record.Record{Spec: s, Scale: s.Scale()}
	for train, want := range map[int]bool{0: true, 100000: true, 50000: false} { // 0 is not recorded
		r.Data.Train = train
		if got := r.AtPaperScale(); got != want {
			t.Errorf("%d images: paper scale %v, want %v", train, got, want)
		}
	}
}

// TestFocalIsNotCE: a run without smoothing under another loss is in the table
// and is not taken for cross entropy.
func TestFocalIsNotCE(t *testing.T) {
	focal := synthetic("cifar10", "focal", 0, 1, 10)
	focal.Spec.FocalGamma = 3
	tab, err := Table1(Of(focal, synthetic("cifar10", "ls", 0.05, 1, 10))...)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(tab.Text(), "needs runs under CE and under LS") {
		t.Errorf("focal loss was judged as CE:\n%s", tab.Text())
	}
	if !strings.Contains(tab.Text(), "focal (γ = 3)") {
		t.Errorf("the table does not name the focal loss:\n%s", tab.Text())
	}
}

func TestCurves(t *testing.T) {
	tab, err := Curves(pair("cifar10", 40))
	if err != nil {
		t.Fatal(err)
	}
	var epochs []string
	for _, r := range tab.Rows {
		if r[0] == "CE" {
			epochs = append(epochs, r[1])
		}
	}
	if got := strings.Join(epochs, " "); got != "1 2 5 10 20 40" {
		t.Errorf("epochs %s", got)
	}
	tab, err = Curves(pair("cifar10", 40), 3, 99)
	if err != nil || len(tab.Rows) != 2 {
		t.Errorf("%d rows, %v; want epoch 3 of both runs", len(tab.Rows), err)
	}
}

func TestTableForms(t *testing.T) {
	tab := &Table{Number: "9", Title: "A <b> & c", Groups: []Span{{"", 1}, {"a wide group name here", 2}},
		Header: []string{"name", "x", "y"},
		Rows:   [][]string{{"a|b", "1.5", "−2"}, {"längst", "10.25", "–"}},
		Notes:  []string{"A note."}, Caption: "Caption."}
	lines := strings.Split(tab.Text(), "\n")
	if lines[3] != "name        x                y" || lines[5] != "a|b       1.5               −2" {
		t.Errorf("not aligned:\n%s", tab.Text())
	}
	if h := tab.HTML(); !strings.Contains(h, "A &lt;b&gt; &amp; c") || !strings.Contains(h, `colspan="2"`) ||
		!strings.Contains(h, "A note.") {
		t.Errorf("HTML:\n%s", h)
	}
	if m := tab.Markdown(); !strings.Contains(m, `a\|b`) || !strings.Contains(m, "---:") ||
		!strings.Contains(m, "a wide group name here: x") {
		t.Errorf("Markdown:\n%s", m)
	}
}
