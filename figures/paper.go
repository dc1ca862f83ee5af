package figures

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/record/summary"
	"gonum.org/v1/gonum/stat"
)

// paperSet is one of the paper's data sets.
type paperSet struct{ record.PaperSet }

// paperSetOf returns the paper's data set of a name in specifications, and whether it is one.
func paperSetOf(name string) (paperSet, bool) {
	s, ok := record.PaperSets[name]
	return paperSet{s}, ok
}

// steps is how many batches an epoch of the paper's runs has, the last one smaller.
func (s paperSet) steps() int { return batches(s.Train, record.DefaultSpec().Batch) }

func batches(images, batch int) int { return (images + batch - 1) / batch }

// paperDelta is δ of the paper's tables.
const paperDelta = 0.05

// Table1Epochs are the epochs of the paper's Tables 1 and 2.
var Table1Epochs = []int{10, 20, 50, 100}

// ErrNoEpochs is returned by Table1 and Table2 where no run has a row at any of
// Table1Epochs.
var ErrNoEpochs = errors.New("figures: no run has epoch 10, 20, 50 or 100, the epochs of the paper's Tables 1 and 2")

// comparison is runs of one setting, next to the paper's cells if their data set is one of the
// paper's.
type comparison struct {
	runs    []Series
	groups  []group
	first   *record.Record
	origin  string
	set     paperSet
	onPaper bool   // the data set is one of the paper's
	atScale bool   // all runs are at the paper's scale
	ce, ls  *group // runs under CE, and under LS with the paper's δ; nil where there are none
}

// compared checks that one table can hold the runs.
func compared(runs []Series) (*comparison, error) {
	gs, origin, err := groupedOrigin(runs)
	if err != nil {
		return nil, err
	}
	if err := sameSetting(runs); err != nil {
		return nil, err
	}
	c := &comparison{runs: runs, groups: gs, first: runs[0].Record, origin: origin, atScale: true,
		ce: pick(gs, "ce", 0), ls: pick(gs, "ls", paperDelta)}
	c.set, c.onPaper = paperSetOf(c.first.Spec.Dataset)
	for _, s := range runs {
		c.atScale = c.atScale && s.Record.AtPaperScale()
	}
	return c, nil
}

// both reports whether there are runs under CE and under LS with the paper's δ.
func (c *comparison) both() bool { return c.ce != nil && c.ls != nil }

// judged reports whether a verdict is asked for at all.
func (c *comparison) judged() bool { return c.onPaper && c.both() }

// header writes the columns: the names of a row, the measured values (own first), the paper's, and
// the verdict.
func (c *comparison) header(t *Table, row, own []string, verdict string) {
	add := func(name string, cols ...string) {
		t.Groups = append(t.Groups, Span{name, len(cols)})
		t.Header = append(t.Header, cols...)
	}
	add("", row...)
	measured := append(slices.Clone(own), names(c.groups)...)
	if c.both() {
		measured = append(measured, "LS − CE")
	}
	scale := "reduced scale"
	if c.atScale {
		scale = "paper scale"
	}
	add("measured, "+scale, measured...)
	if c.onPaper {
		add(fmt.Sprintf("the paper (%d epochs)", c.set.Epochs), "CE", "LS (δ = 0.05)", "LS − CE")
		if c.judged() {
			add("", verdict)
		}
	}
}

// noEpochs is the error of runs that have none of the tables' epochs.
func (c *comparison) noEpochs() error {
	return fmt.Errorf("%w (the longest run here ends at epoch %d)", ErrNoEpochs, longest(c.runs))
}

// direction marks a verdict of runs that are not at the paper's scale.
func (c *comparison) direction(verdict string) string {
	if !c.atScale && verdict != NotDecided {
		return verdict + " (direction)"
	}
	return verdict
}

// undecided says why no cell can be decided, "" where enough seeds are paired.
func (c *comparison) undecided(enough bool) string {
	switch {
	case !c.judged():
		return "Verdict: not decided. A verdict needs runs under CE and under LS with δ = 0.05."
	case !enough:
		return fmt.Sprintf("Verdict: not decided. A verdict needs at least %d seeds that were run under both losses; "+
			"found: %s.", summary.MinSeeds, count(sharedSeeds(c.ce, c.ls)))
	}
	return ""
}

// reservations says where scale and bytes of the runs are not the paper's. what names the content of
// the cells, in the plural.
func (c *comparison) reservations(t *Table, what string) {
	if c.onPaper && !c.atScale {
		n := "Reduced scale: these are not the paper's runs, so the sizes of the " + what + " do not compare"
		if steps := stepsPerEpoch(c.first); steps > 0 {
			n += fmt.Sprintf("; an epoch here is %d steps, the paper's %d", steps, c.set.steps())
		}
		t.Notes = append(t.Notes, n+".")
	}
	if c.onPaper && c.first.Data.Bytes != record.Official {
		t.Notes = append(t.Notes,
			"The images were not verified to be the official bytes of "+record.DataName(c.first.Spec.Dataset)+".")
	}
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

// pick returns the group whose runs all have the loss and smoothing δ, or nil.
func pick(gs []group, loss string, delta float64) *group {
	for i, g := range gs {
		other := func(r *record.Record) bool { return r.Spec.Loss.Name != loss || r.Spec.Delta != delta }
		if !slices.ContainsFunc(g.runs, other) {
			return &gs[i]
		}
	}
	return nil
}

// cellValue is a number of a run at an epoch, NaN where it has none.
type cellValue func(r *record.Record, epoch int) float64

// mean returns the mean over a group's runs, NaN where a run has the row but not
// the value, and the number of runs that have the row.
func mean(g group, epoch int, value cellValue) (m float64, rows int) {
	var v []float64
	for _, r := range g.runs {
		if r.Row(epoch) != nil {
			v = append(v, value(r, epoch))
		}
	}
	if len(v) == 0 {
		return math.NaN(), 0
	}
	return stat.Mean(v, nil), len(v)
}

// paired returns LS − CE for every seed under both losses that has the value, and
// its mean, NaN where there is none.
func paired(ce, ls *group, epoch int, value cellValue) (d []float64, m float64) {
	for _, seed := range summary.PairSeeds(ce.runs, ls.runs) {
		a, b := value(seed[0], epoch), value(seed[1], epoch)
		if finite(a) && finite(b) {
			d = append(d, b-a)
		}
	}
	if len(d) == 0 {
		return nil, math.NaN()
	}
	return d, stat.Mean(d, nil)
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
	return batches(r.Data.Train, r.Spec.Batch)
}

// sameSetting reports the first field of the specification, other than those that
// record.Spec.Setting leaves out, in which the runs differ.
func sameSetting(runs []Series) error {
	want := runs[0].Record.Spec.Setting()
	for i, s := range runs[1:] {
		if d := record.Differences(s.Record.Spec.Setting(), want); d != nil {
			return fmt.Errorf("figures: run %d has %s %s, the first run %s; runs of one table differ in "+
				"loss, δ and seed alone", i+2, d[0].Field, d[0].A, d[0].B)
		}
	}
	return nil
}
