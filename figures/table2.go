package figures

import (
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/record/summary"
)

// table2CSV holds the cells of the paper's Table 2 (arXiv:2402.03979, Appendix
// B.3), natural logarithms.
//
//go:embed table2.csv
var table2CSV string

// paperTable2 returns the paper's cells, by "dataset/epoch".
var paperTable2 = sync.OnceValues(func() (map[string]cell, error) {
	const name = "table2.csv"
	rows, err := csvRows(name, table2CSV)
	if err != nil {
		return nil, err
	}
	cells := map[string]cell{}
	for _, r := range rows {
		for _, set := range paperSets {
			if cells[set.column+"/"+r["epoch"]], err = csvCell(name, r, set.column); err != nil {
				return nil, err
			}
		}
	}
	return cells, nil
})

// What a cell of Table 2 takes for L_min.
const (
	ownMinimum = "own"   // the run's least training loss over its whole schedule
	lossFloor  = "floor" // the least value that the loss can have
)

// Table2 returns the paper's Table 2 (Appendix B.3) for the given runs: the
// log-scaled training loss log(L − L_min + c) at those of epochs 10, 20, 50 and 100
// that a run has; several seeds of one label give their mean. Logarithms are
// natural.
//
// L is the record's train_loss in nats: cross entropy for CE, the loss on the
// smoothed labels for LS, over all training images in evaluation mode. c is the
// paper's: 0.002 for CIFAR-10, 0.006 for CIFAR-100, 0.01 for STL-10 and 0.005 for
// Tiny ImageNet. L_min is the run's own least train_loss where every run has
// reached the end of its schedule (spec.schedule_epochs). Where one has not, or does
// not say how long its schedule is, L_min of all of them is the floor of their loss,
// 0 or the entropy of y^δ; the cells are marked “floor”, and nothing is decided.
//
// With runs under CE and under LS with δ = 0.05 each epoch has a second row, less its
// start, which takes out the head start of LS: from uniform logits, at log K, LS has less
// to lose than CE. Its cells are log((L − L_min + c)/(log K − floor + c)). Each row's
// verdict says whether LS is lower, as the paper claims and all 16 of its cells are:
// holds, does not hold or not decided, by the 95% Student-t interval of LS − CE over
// at least three paired seeds; at reduced scale it speaks of the direction alone.
//
// Errors are those of Table1; also runs of a data set for which the paper gives no
// c, and runs under another loss than CE and LS.
func Table2(runs ...Series) (*Table, error) {
	c, err := compared(runs)
	if err != nil {
		return nil, err
	}
	if !c.onPaper {
		return nil, fmt.Errorf("figures: Table 2 is log(L − L_min + c), and the paper gives a constant c for %s alone; these runs are of %s", paperSetNames(), record.DataName(c.first.Spec.Dataset))
	}
	for i, s := range runs {
		l := s.Record.Spec.Loss
		if l.Name != "ce" && l.Name != "ls" {
			return nil, fmt.Errorf("figures: Table 2 is of losses ce and ls, for which the paper's constant c was chosen; run %d has loss %s", i+1, l.Name)
		}
		if err := l.Validate(); err != nil {
			return nil, fmt.Errorf("figures: run %d: %w", i+1, err)
		}
	}
	cells, err := paperTable2()
	if err != nil {
		return nil, err
	}
	least := ownMinimum
	if slices.ContainsFunc(runs, func(s Series) bool { return !wholeSchedule(s.Record) }) {
		least = lossFloor
	}
	scaled := func(r *record.Record, epoch int) float64 {
		row := r.Row(epoch)
		if row == nil {
			return math.NaN()
		}
		low := floor(r)
		if least == ownMinimum {
			low = leastLoss(r)
		}
		return math.Log(float64(row.TrainLoss) - low + c.set.c)
	}
	rows := []struct {
		name  string
		value cellValue
		start bool // less its start
	}{
		{"log-scaled", scaled, false},
		{"less its start", func(r *record.Record, epoch int) float64 { return scaled(r, epoch) - c.set.start(r) }, true},
	}
	if !c.both() {
		rows = rows[:1] // the paper's head start is that of LS on CE
	}

	t := table("table2")
	t.Title += fmt.Sprintf(", log(L − L_min + %v)", c.set.c)
	c.header(t, []string{"epoch", "training loss"}, []string{"L_min"}, "LS is lower")
	enough := false
	for _, epoch := range Table1Epochs {
		for _, kind := range rows {
			row := []string{strconv.Itoa(epoch), kind.name, least}
			found := false
			for _, g := range c.groups {
				m, n := mean(g, epoch, kind.value)
				found = found || n > 0
				row = append(row, decimal(m))
			}
			if !found {
				continue
			}
			var d []float64
			if c.both() {
				var m float64
				d, m = paired(c.ce, c.ls, epoch, kind.value)
				row = append(row, signed(m))
			}
			p := cells[c.set.column+"/"+strconv.Itoa(epoch)]
			if kind.start {
				row = append(row, "–", "–", signed(p.ls-p.ce+c.set.headStart(paperDelta)))
			} else {
				row = append(row, decimal(p.ce), decimal(p.ls), signed(p.ls-p.ce))
			}
			if c.judged() {
				enough = enough || len(d) >= summary.MinSeeds
				v := NotDecided
				if least == ownMinimum {
					v = c.direction(verdict(d, -1)) // LS is lower in each of the paper's cells
				}
				row = append(row, v)
			}
			t.Rows = append(t.Rows, row)
		}
	}
	if len(t.Rows) == 0 {
		return nil, c.noEpochs()
	}

	switch why := c.undecided(enough); {
	case c.judged() && least == lossFloor:
		t.Notes = append(t.Notes, "Verdict: not decided. A verdict needs runs that reach the end of their schedule, for their own minima.")
	case why != "":
		t.Notes = append(t.Notes, why)
	default:
		t.Notes = append(t.Notes, fmt.Sprintf("Verdict by row: the 95%% Student-t interval of LS − CE over %d paired seeds lies wholly below 0, as the paper claims and all 16 cells of its Table 2 say (holds), wholly above 0 (does not hold) or across 0 (not decided).", sharedSeeds(c.ce, c.ls)))
	}
	t.Notes = append(t.Notes, c.leastNote(least))
	if c.both() {
		t.Notes = append(t.Notes, c.startNote())
	}
	c.reservations(t, "losses")
	t.Caption = fmt.Sprintf("%s L: training loss in nats of the run's own kind, in evaluation mode over all training images, without weight decay (the paper does not say how its loss was taken). "+
		"Logarithms are natural; c = %v is the paper's for %s, and a loss at L_min gives log c = %s. The paper's numbers are those of its Table 2 (arXiv:2402.03979, Appendix B.3), at its own scale.",
		c.origin, c.set.c, record.DataName(c.first.Spec.Dataset), decimal(math.Log(c.set.c)))
	return t, nil
}

// leastNote says what L_min is.
func (c *comparison) leastNote(least string) string {
	var ends []string
	for _, s := range c.runs {
		end := "epoch 0"
		if l := s.Record.Last(); l != nil {
			end = fmt.Sprintf("epoch %d", l.Epoch)
		}
		if n := s.Record.Spec.ScheduleEpochs; n > 0 {
			end += fmt.Sprintf(" of %d", n)
		} else {
			end += " of a schedule whose length is not recorded"
		}
		if !slices.Contains(ends, end) {
			ends = append(ends, end)
		}
	}
	list := strings.Join(ends, "; ")
	if least == ownMinimum {
		n := "L_min, own: the least training loss of each run over its measured epochs, to the end of its schedule (" + list
		if slices.ContainsFunc(c.runs, func(s Series) bool { return s.Record.Spec.ScheduleEpochs != c.set.Epochs }) {
			n += fmt.Sprintf("; the paper's has %d epochs", c.set.Epochs)
		}
		return n + ")."
	}
	var floors []string
	for _, s := range c.runs {
		f := digits(floor(s.Record)) + " for " + s.Record.Spec.Loss.String()
		if s.Record.Spec.Delta > 0 {
			f += ", the entropy of its smoothed labels"
		}
		if !slices.Contains(floors, f) {
			floors = append(floors, f)
		}
	}
	return "L_min, floor: the least value that the loss can have, " + strings.Join(floors, "; ") + ". " +
		"The paper takes each run's own minimum over its whole schedule, which the runs here do not all have (they end at " + list + "). " +
		"Once the loss is small, a small change of L_min moves a cell by more than the gap between the losses: these cells are not the paper's quantity."
}

// startNote says what the rows less their start are.
func (c *comparison) startNote() string {
	ce, ls := c.ce.runs[0], c.ls.runs[0]
	k := math.Log(float64(c.set.classesOf(ls)))
	return fmt.Sprintf("Less its start: log((L − L_min + c)/(log K − floor + c)). From uniform logits, where either loss is log K = %s, CE has %s to lose down to its floor and LS %s, "+
		"so that the curve of LS starts lower by %s: that much of LS − CE is there before the first step. In the paper's columns these rows add this head start to LS − CE of its cells, which have two decimals: ±0.01 decides nothing.",
		digits(k), digits(k-floor(ce)), digits(k-floor(ls)), digits(c.set.start(ce)-c.set.start(ls)))
}

// wholeSchedule reports whether a run has a row at the end of its schedule.
func wholeSchedule(r *record.Record) bool {
	l := r.Last()
	return l != nil && r.Spec.ScheduleEpochs > 0 && l.Epoch >= r.Spec.ScheduleEpochs
}

// leastLoss returns the least training loss of a run's rows, NaN where none has one.
func leastLoss(r *record.Record) float64 {
	low := math.NaN()
	for i := range r.Epochs {
		if l := float64(r.Epochs[i].TrainLoss); finite(l) && !(l >= low) {
			low = l
		}
	}
	return low
}

// floor returns the least value of a run's loss, which Table2 has checked.
func floor(r *record.Record) float64 {
	return floorOf(r.Spec.Loss, paperSets[r.Spec.Dataset].classesOf(r))
}

// floorOf returns the least value of a loss, NaN for one that has none.
func floorOf(l record.Loss, classes int) float64 {
	f, err := l.Floor(classes)
	if err != nil {
		return math.NaN()
	}
	return f
}

// classesOf returns K of a run on the set.
func (s paperSet) classesOf(r *record.Record) int {
	if r.Model.Classes > 0 {
		return r.Model.Classes
	}
	return s.Classes
}

// start returns the log-scaled loss of uniform logits, with L_min at the loss's floor.
func (s paperSet) start(r *record.Record) float64 {
	return math.Log(math.Log(float64(s.classesOf(r))) - floor(r) + s.c)
}

// headStart returns by how much the curve of LS starts below that of CE on the set.
func (s paperSet) headStart(delta float64) float64 {
	k := math.Log(float64(s.Classes))
	return math.Log(k+s.c) - math.Log(k-floorOf(record.Loss{Name: "ls", Delta: delta}, s.Classes)+s.c)
}

// paperSetNames lists the paper's data sets.
func paperSetNames() string {
	var names []string
	for set := range paperSets {
		names = append(names, record.DataName(set))
	}
	slices.Sort(names)
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// decimal writes a number with two decimals and a minus sign as wide as a plus.
func decimal(v float64) string { return strings.TrimPrefix(signed(v), "+") }

// digits writes a number of a sentence with three decimals, 0 as such.
func digits(v float64) string {
	if v == 0 {
		return "0"
	}
	return fixed(v, 3)
}
