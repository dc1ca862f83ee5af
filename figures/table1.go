package figures

import (
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/record/summary"
	"gonum.org/v1/gonum/stat"
)

// table1CSV holds the cells of the paper's Table 1 (arXiv:2402.03979, Section
// 3.1), errors in percent.
//
//go:embed table1.csv
var table1CSV string

// Table1Epochs are the epochs of the paper's Table 1.
var Table1Epochs = []int{10, 20, 50, 100}

// ErrNoEpochs is returned by Table1 where no run has a row at any of Table1Epochs.
var ErrNoEpochs = errors.New("figures: no run has epoch 10, 20, 50 or 100, of which Table 1 consists")

// cell is one error of Table 1 under both losses, in percent.
type cell struct{ ce, ls float64 }

// table1Error is one of the four errors of Table 1.
type table1Error struct {
	name   string
	column string // prefix of its two columns in table1.csv
	value  func(*record.Epoch) record.Number
}

var table1Errors = []table1Error{
	{"training", "train_error", func(e *record.Epoch) record.Number { return e.TrainError }},
	{"test", "test_error", func(e *record.Epoch) record.Number { return e.TestError }},
	{"NCC training", "ncc_train_error", func(e *record.Epoch) record.Number { return e.NCCError }},
	{"NCC test", "ncc_test_error", func(e *record.Epoch) record.Number { return e.NCCTestError }},
}

// paperTable1 returns the paper's cells, by "dataset/epoch/error".
var paperTable1 = sync.OnceValues(func() (map[string]cell, error) {
	rows, err := csv.NewReader(strings.NewReader(table1CSV)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("figures: table1.csv: %w", err)
	}
	cells := map[string]cell{}
	for _, r := range rows[1:] {
		for _, e := range table1Errors {
			var c cell
			for _, v := range []struct {
				to     *float64
				column string
			}{{&c.ce, e.column + "_ce"}, {&c.ls, e.column + "_ls"}} {
				i := slices.Index(rows[0], v.column)
				if i < 0 {
					return nil, fmt.Errorf("figures: table1.csv has no column %s", v.column)
				}
				if *v.to, err = strconv.ParseFloat(r[i], 64); err != nil {
					return nil, fmt.Errorf("figures: table1.csv: %w", err)
				}
			}
			cells[r[0]+"/"+r[1]+"/"+e.name] = c
		}
	}
	return cells, nil
})

// Table1 returns the paper's Table 1 for the given runs: training, test and
// nearest-class-mean (NCC) errors in percent at those of epochs 10, 20, 50 and
// 100 that a run has; several seeds of one label give their mean.
//
// The paper's cells stand beside the measured ones, in columns of their own,
// only where the runs' data set is the paper's CIFAR-10; other data sets get
// neither cells nor verdict. A verdict says whether the sign of LS − CE is that
// of the paper's cell, by the 95% Student-t interval over paired seeds: holds,
// does not hold, or not decided, which it always is with fewer than three
// paired seeds. At reduced scale it speaks of the direction alone, and says so.
//
// Runs that differ in more than loss, δ, seed and number of epochs cannot stand
// in one table and are an error, as are runs without any of the epochs
// (ErrNoEpochs) and no run (ErrNoSeries).
func Table1(runs ...Series) (*Table, error) {
	gs, err := grouped(runs)
	if err != nil {
		return nil, err
	}
	if err := comparable1(runs); err != nil {
		return nil, err
	}
	origin, err := Origin(runs...)
	if err != nil {
		return nil, err
	}
	cells, err := paperTable1()
	if err != nil {
		return nil, err
	}
	first := runs[0].Record
	onPaperData := first.Spec.Dataset == record.DefaultSpec().Dataset
	ce, ls := pick(gs, 0), pick(gs, 0.05)
	judged := onPaperData && ce != nil && ls != nil
	allPaper := true
	for _, s := range runs {
		allPaper = allPaper && paperScale(s.Record)
	}
	scale := "reduced scale"
	if allPaper {
		scale = "paper scale"
	}

	t := &Table{Number: "1", Title: "Errors along training, in percent"}
	add := func(name string, cols ...string) {
		t.Groups = append(t.Groups, Span{name, len(cols)})
		t.Header = append(t.Header, cols...)
	}
	add("", "epoch", "error")
	measured := names(gs)
	diff := ce != nil && ls != nil
	if diff {
		measured = append(measured, "LS − CE")
	}
	add("measured, "+scale, measured...)
	if onPaperData {
		add("the paper (800 epochs)", "CE", "LS (δ = 0.05)", "LS − CE")
		if judged {
			add("", "sign as in the paper")
		}
	}

	enough := false
	for _, epoch := range Table1Epochs {
		for _, e := range table1Errors {
			row := []string{strconv.Itoa(epoch), e.name}
			found := false
			for _, g := range gs {
				m, n := mean(g, epoch, e)
				found = found || n > 0
				row = append(row, fixed(m, 2))
			}
			if !found {
				continue
			}
			var d []float64
			if diff {
				d = paired(ce, ls, epoch, e)
				m := math.NaN()
				if len(d) > 0 {
					m = stat.Mean(d, nil)
				}
				row = append(row, signed(m))
			}
			if onPaperData {
				c := cells[first.Spec.Dataset+"/"+strconv.Itoa(epoch)+"/"+e.name]
				row = append(row, fixed(c.ce, 2), fixed(c.ls, 2), signed(c.ls-c.ce))
				if judged {
					v := verdict(d, c.ls-c.ce)
					enough = enough || len(d) >= summary.MinSeeds
					if !allPaper && v != NotDecided {
						v += " (direction)"
					}
					row = append(row, v)
				}
			}
			t.Rows = append(t.Rows, row)
		}
	}
	if len(t.Rows) == 0 {
		return nil, fmt.Errorf("%w (the longest run here ends at epoch %d)", ErrNoEpochs, longest(runs))
	}

	switch {
	case !onPaperData:
		t.Notes = append(t.Notes, "No number of the paper stands here and no claim of the paper is judged: the paper did not train on "+DataName(first.Spec.Dataset)+".")
	case !judged:
		t.Notes = append(t.Notes, "Verdict: not decided. A verdict needs runs under CE and under LS with δ = 0.05.")
	case !enough:
		t.Notes = append(t.Notes, fmt.Sprintf("Verdict: not decided. A verdict needs at least %d seeds that were run under both losses; here there is %s.", summary.MinSeeds, count(sharedSeeds(ce, ls))))
	default:
		t.Notes = append(t.Notes, fmt.Sprintf("Verdict by cell: the 95%% Student-t interval of LS − CE over %d paired seeds lies wholly on the side of the paper's sign (holds), wholly on the other (does not hold) or across 0 (not decided).", sharedSeeds(ce, ls)))
	}
	if onPaperData && !allPaper {
		n := "Reduced scale: these are not the paper's runs, so the sizes of the errors do not compare"
		if steps := stepsPerEpoch(first); steps > 0 {
			n += fmt.Sprintf("; an epoch here is %d steps, the paper's 391", steps)
		}
		t.Notes = append(t.Notes, n+".")
	}
	if onPaperData && first.Data.Bytes != record.Official {
		t.Notes = append(t.Notes, "The images were not verified to be the official bytes of CIFAR-10.")
	}
	t.Caption = origin + " NCC: the class whose mean training feature is nearest. "
	if onPaperData {
		t.Caption += "The paper's numbers are those of its Table 1 (arXiv:2402.03979), at its own scale."
	}
	t.Caption = strings.TrimSpace(t.Caption)
	return t, nil
}

// Verdicts on a comparison with the paper.
const (
	Holds       = "holds"
	DoesNotHold = "does not hold"
	NotDecided  = "not decided"
)

// verdict compares the sign of paired differences with that of the paper's.
func verdict(d []float64, paper float64) string {
	switch side := summary.NewEstimate("", d).Side(); {
	case side == 0 || paper == 0:
		return NotDecided
	case side > 0 == (paper > 0):
		return Holds
	}
	return DoesNotHold
}

// pick returns the group whose runs all have smoothing delta, or nil; 0 is CE.
func pick(gs []group, delta float64) *group {
	for i, g := range gs {
		if !slices.ContainsFunc(g.runs, func(r *record.Record) bool { return r.Spec.Delta != delta }) {
			return &gs[i]
		}
	}
	return nil
}

// at returns an error in percent at an epoch of a run, and whether it has one.
func at(r *record.Record, epoch int, e table1Error) (float64, bool) {
	row := r.Row(epoch)
	if row == nil {
		return math.NaN(), false
	}
	v := 100 * float64(e.value(row))
	return v, finite(v)
}

// mean returns the mean over a group's runs, NaN where a run has the row but not
// the value, and the number of runs that have the row.
func mean(g group, epoch int, e table1Error) (m float64, rows int) {
	var v []float64
	for _, r := range g.runs {
		if r.Row(epoch) != nil {
			x, _ := at(r, epoch, e)
			v = append(v, x)
		}
	}
	if len(v) == 0 {
		return math.NaN(), 0
	}
	return stat.Mean(v, nil), len(v)
}

// paired returns LS − CE in percentage points for every seed under both losses.
func paired(ce, ls *group, epoch int, e table1Error) (d []float64) {
	for _, seed := range summary.PairSeeds(ce.runs, ls.runs) {
		a, okA := at(seed[0], epoch, e)
		b, okB := at(seed[1], epoch, e)
		if okA && okB {
			d = append(d, b-a)
		}
	}
	return d
}

func sharedSeeds(a, b *group) int { return len(summary.PairSeeds(a.runs, b.runs)) }

func count(n int) string {
	if n == 0 {
		return "none"
	}
	return strconv.Itoa(n)
}

func longest(runs []Series) (n int) {
	for _, s := range runs {
		if l := s.Record.Last(); l != nil {
			n = max(n, l.Epoch)
		}
	}
	return n
}

// stepsPerEpoch is how many batches cover the training images, the last one
// possibly smaller; 0 where the record does not say how many images there were.
func stepsPerEpoch(r *record.Record) int {
	if r.Data.Train < 1 || r.Spec.Batch < 1 {
		return 0
	}
	return (r.Data.Train + r.Spec.Batch - 1) / r.Spec.Batch
}

// comparable1 reports the first setting, other than loss, δ, seed and number of
// epochs, in which the runs differ.
func comparable1(runs []Series) error {
	fields := func(s record.Spec) [][2]string {
		return [][2]string{
			{"data set", s.Dataset}, {"images a class", strconv.Itoa(s.TrainPerClass)}, {"model", s.Model}, {"width", strconv.Itoa(s.Width)},
			{"batch", strconv.Itoa(s.Batch)}, {"rate", fmt.Sprint(s.Rate)}, {"momentum", fmt.Sprint(s.Momentum)}, {"decay", fmt.Sprint(s.Decay)},
			{"milestones", fmt.Sprint(s.Milestones)}, {"gamma", fmt.Sprint(s.Gamma)},
		}
	}
	want := fields(runs[0].Record.Spec)
	for i, s := range runs[1:] {
		for j, f := range fields(s.Record.Spec) {
			if f != want[j] {
				return fmt.Errorf("figures: run %d has %s %s, the first run %s; runs of one table differ in loss, δ and seed alone", i+2, f[0], f[1], want[j][1])
			}
		}
	}
	return nil
}
