package figures

import (
	"bytes"
	"encoding/csv"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gocollapse/collapse/record"
)

// seeds returns made-up runs of one loss and several seeds, whose NC1 differs by a factor of 1.1 from
// seed to seed.
func seeds(loss string, delta float64, n, epochs int) (runs []*record.Record) {
	for i := range n {
		r := synthetic("cifar10", loss, delta, int64(2021+i), epochs)
		for j := range r.Epochs {
			r.Epochs[j].NC1 *= record.Number(math.Pow(1.1, float64(i)))
		}
		runs = append(runs, r)
	}
	return runs
}

// rows returns the data of a figure by its header, those of a panel whose title holds text.
func rows(t *testing.T, f *Figure, text string) (out []map[string]string) {
	t.Helper()
	all, err := csv.NewReader(bytes.NewReader(f.CSV())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			row[name] = r[i]
		}
		if strings.Contains(row["panel"], text) {
			out = append(out, row)
		}
	}
	return out
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// From three seeds on a figure shows their mean with Student's interval. With factors 1, 1.1, 1.21
// between the seeds the geometric mean is the second's value, and the logarithms have the standard
// deviation log 1.1; t(0.975, 2) is 4.302652729911275.
func TestBandOverSeeds(t *testing.T) {
	f, err := Figure1(Of(seeds("ce", 0, 3, 5)...)...)
	if err != nil {
		t.Fatal(err)
	}
	half := math.Exp(4.302652729911275 * math.Log(1.1) / math.Sqrt(3))
	means := 0
	for _, r := range rows(t, f, "NC1") {
		if r["seed"] != "mean of 3" {
			continue
		}
		means++
		want := 27 * math.Pow(number(t, r["x"]), -1.4) * 1.1
		for _, v := range [][2]float64{{number(t, r["y"]), want}, {number(t, r["low"]), want / half},
			{number(t, r["high"]), want * half}} {
			if math.Abs(v[0]/v[1]-1) > 1e-9 {
				t.Errorf("epoch %s: %v, want %v", r["x"], v[0], v[1])
			}
		}
	}
	if means != 5 || len(rows(t, f, "NC1")) != 20 || !strings.Contains(f.Caption, "Line and band: mean over seeds") {
		t.Errorf("%d means in %d rows; caption %s", means, len(rows(t, f, "NC1")), f.Caption)
	}
	if !strings.Contains(string(f.SVG), "fill-opacity") {
		t.Error("there is no band")
	}
}

// Two seeds are two thin lines, and the caption says so.
func TestTwoSeeds(t *testing.T) {
	f, err := Figure1(Of(seeds("ce", 0, 2, 5)...)...)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(f.Caption, "Thin lines are single runs") || strings.Contains(f.Caption, "band:") ||
		strings.Contains(string(f.SVG), "fill-opacity") {
		t.Errorf("caption %s", f.Caption)
	}
	for _, r := range rows(t, f, "") {
		if r["low"] != "" {
			t.Errorf("an interval of two seeds: %v", r)
		}
	}
}

// The alternative text says what the curves do, in numbers.
func TestWordsFollowTheData(t *testing.T) {
	r := synthetic("cifar10", "ce", 0, 1, 5)
	for i, v := range []float64{8, 4, 2, 3, 6} {
		r.Epochs[i].NC1, r.Epochs[i].NC2, r.Epochs[i].NC3 = record.Number(v), record.Number(10-v), 0.5
		r.Epochs[i].TrainError = record.Number(v / 100)
	}
	r.Epochs[4].TrainError = 0
	f, err := Figure1(Of(r)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"CE: decreases from 8 at epoch 1 to 2 at epoch 3, then increases to 6 at epoch 5.",
		"CE: increases from 2 at epoch 1 to 8 at epoch 3, then decreases to 4 at epoch 5.",
		"CE: is 0.5 from epoch 1 to epoch 5.", "CE, training error: decreases from 8 at epoch 1 to 0 at epoch 5;"} {
		if !strings.Contains(f.Alt, want) {
			t.Errorf("the text lacks %q: %s", want, f.Alt)
		}
	}
	if !strings.Contains(string(f.SVG), "CE: is 0.5 from epoch 1") {
		t.Error("the SVG has another text")
	}
}

// Runs of one loss in two settings are not averaged.
func TestSettingsApart(t *testing.T) {
	runs := seeds("ce", 0, 4, 5)
	runs[2].Spec.Decay, runs[3].Spec.Decay = 5e-3, 5e-3
	f, err := Figure1(Of(runs...)...)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(texts(t, f.SVG), "|")
	for _, want := range []string{"CE, decay 0.0005, 2 runs", "CE, decay 0.005, 2 runs"} {
		if !strings.Contains(all, want) {
			t.Errorf("no label %q in %s", want, all)
		}
	}
	twice, err := Figure1(Of(runs[0], runs[0])...)
	if err != nil || strings.Contains(string(twice.SVG), "2 runs") {
		t.Errorf("a run that is given twice counts twice: %v", err)
	}
	runs[1].Spec.Seed = runs[0].Spec.Seed
	same, err := Figure1(Of(runs[0], runs[1], synthetic("cifar10", "ce", 0, 9, 5))...)
	if err != nil || strings.Contains(same.Caption, "band:") {
		t.Errorf("two runs of one seed are no two seeds: %v", err)
	}
}

// paperScale returns a made-up run with the paper's specification.
func paperScale(loss string, delta float64) *record.Record {
	r := synthetic("cifar10", loss, delta, 2021, 5)
	s := record.DefaultSpec()
	s.Name, s.Loss, s.Epochs = "paper-"+loss, record.Loss{Name: loss, Delta: delta}, 800
	r.Spec, r.Scale, r.Data.Train = s, s.Scale(), 50000
	return r
}

// Two scales in one figure need labels that say so.
func TestTwoScales(t *testing.T) {
	small := synthetic("cifar10", "ce", 0, 1, 5)
	small.Spec.Name = "small"
	runs := Of(paperScale("ce", 0), small)
	_, err := Figure1(runs...)
	if !errors.Is(err, ErrTwoScales) || !strings.Contains(err.Error(), `"paper-ce" and "small"`) {
		t.Errorf("error %v", err)
	}
	f, err := Figure1(WithScales(runs...)...)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(texts(t, f.SVG), "|")
	if !strings.Contains(all, "CE, paper scale") || !strings.Contains(all, "CE, reduced scale") {
		t.Errorf("labels %s", all)
	}
}

// A record that a figure cannot trust is refused by its name.
func TestUntrustedRecords(t *testing.T) {
	good := synthetic("cifar10", "ce", 0, 1, 5)
	good.Started = time.Unix(0, 0).UTC()
	path := filepath.Join(t.TempDir(), "good.json")
	if err := good.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	draw := func(text string) error {
		path := filepath.Join(t.TempDir(), "suspect.json")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		runs, err := record.ReadAll(path)
		if err != nil {
			return err
		}
		_, err = Figure1(Of(runs...)...)
		return err
	}
	if err := draw(string(b)); err != nil {
		t.Fatalf("the record itself: %v", err)
	}
	for name, c := range map[string]struct{ from, to, says string }{
		"damaged":    {`"epochs": [`, `"epochs": [{`, "suspect.json"},
		"newer":      {`"version": 1`, `"version": 2`, "suspect.json: record: version 2"},
		"not a run":  {`"collapse-record"`, `"other"`, "suspect.json"},
		"mislabeled": {`"scale": "reduced"`, `"scale": "paper"`, "says it is at the paper's scale"},
	} {
		text := strings.Replace(string(b), c.from, c.to, 1)
		if text == string(b) {
			t.Fatalf("%s: nothing to change", name)
		}
		if err := draw(text); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want %q", name, err, c.says)
		}
	}
}

// The PDF is a page with the picture, whose bytes do not change from run to run.
func TestPDF(t *testing.T) {
	f, err := Figure1(pair("cifar10", 12)...)
	if err != nil {
		t.Fatal(err)
	}
	a, err := f.PDF()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Figure1(pair("cifar10", 12)...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := again.PDF()
	if err != nil || !bytes.Equal(a, b) {
		t.Errorf("two documents of one figure differ: %v", err)
	}
	if !bytes.HasPrefix(a, []byte("%PDF-")) || !bytes.Contains(a, []byte("/MediaBox [0 0 660.00 540.00]")) {
		t.Errorf("not a page of 660 by 540 points: %.300s", a)
	}
	if _, err := new(Figure).PDF(); err == nil {
		t.Error("a figure without a picture gave a document")
	}
}
