package figures

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/record/summary"
)

// What L_min is in a cell of Table 2.
const (
	ownMinimum = "own"   // the run's least training loss over its whole schedule
	lossFloor  = "floor" // the least value that the loss can have
)

// Table2 returns the paper's Table 2 (Appendix B.3) for the given runs: the log-scaled training
// loss log(L − L_min + c) at epochs 10, 20, 50 and 100, as far as a run has them. Several seeds of
// one label give their mean. Logarithms are natural.
//
// L is the record's train_loss in nats: cross entropy for CE, the loss on the smoothed labels for
// LS, over all training images in evaluation mode. c is the paper's: 0.002 for CIFAR-10, 0.006 for
// CIFAR-100, 0.01 for STL-10 and 0.005 for Tiny ImageNet. L_min is the run's own least train_loss
// if every run has reached the end of its schedule (spec.schedule_epochs). If one has not, or its
// record does not say how long the schedule is, L_min is the floor of the loss for all runs: 0, or
// the entropy of y^δ. The cells are then marked “floor”, and nothing is decided.
//
// With runs under CE and under LS with δ = 0.05 each epoch has a second row, “less its start”. It
// takes out the head start of LS: from uniform logits, at log K, LS has less to lose than CE. Its
// cells are log((L − L_min + c)/(log K − floor + c)). The verdict of a row says whether LS is
// lower, as in all 16 cells of the paper: holds, does not hold or not decided, by the 95% Student-t
// interval of LS − CE over at least three paired seeds. At reduced scale it is about the direction
// alone.
//
// Errors are those of Table1. It is also an error if the paper gives no c for the data set, or if a
// loss is neither CE nor LS.
func Table2(runs ...Series) (*Table, error) {
	c, err := compared(runs)
	if err != nil {
		return nil, err
	}
	if err := c.checkLogScaled("Table 2"); err != nil {
		return nil, err
	}
	cells, err := record.PaperTable2()
	if err != nil {
		return nil, err
	}
	l := &logScaled{comparison: c, cells: cells, least: ownMinimum}
	if slices.ContainsFunc(runs, func(s Series) bool { return !wholeSchedule(s.Record) }) {
		l.least = lossFloor
	}

	t := table("table2")
	t.Title += fmt.Sprintf(", log(L − L_min + %v)", c.set.LogOffset)
	c.header(t, []string{"epoch", "training loss"}, []string{"L_min"}, "LS is lower")
	for _, epoch := range Table1Epochs {
		for _, kind := range l.rows() {
			if row := l.row(epoch, kind); row != nil {
				t.Rows = append(t.Rows, row)
			}
		}
	}
	if len(t.Rows) == 0 {
		return nil, c.noEpochs()
	}
	t.Notes = append(t.Notes, l.verdictNote(), c.leastNote(l.least))
	if c.both() {
		t.Notes = append(t.Notes, c.startNote())
	}
	c.reservations(t, "losses")
	t.Caption = l.caption()
	return t, nil
}

// checkLogScaled reports runs for which the paper gives no constant c; what needs it.
func (c *comparison) checkLogScaled(what string) error {
	if !c.onPaper {
		return fmt.Errorf("figures: %s is of log(L − L_min + c), and the paper gives a constant c for %s alone; "+
			"these runs are of %s", what, paperSetNames(), record.DataName(c.first.Spec.Dataset))
	}
	for i, s := range c.runs {
		l := s.Record.Spec.Loss
		if l.Name != "ce" && l.Name != "ls" {
			return fmt.Errorf("figures: %s is of losses ce and ls, for which the paper's constant c was chosen; "+
				"run %d has loss %s", what, i+1, l.Name)
		}
		if err := l.Validate(); err != nil {
			return fmt.Errorf("figures: run %d: %w", i+1, err)
		}
	}
	return nil
}

// logScaled is what Table 2 compares.
type logScaled struct {
	*comparison
	cells  []record.PaperCell // the paper's, by "dataset/epoch"
	least  string             // ownMinimum or lossFloor
	enough bool               // whether a row has enough pairs for a verdict
}

// logScaledRow is one of the rows of an epoch.
type logScaledRow struct {
	name  string
	value cellValue
	start bool // less its start
}

// rows returns the rows of an epoch: the second one only with both losses, since the head start is
// that of LS on CE.
func (l *logScaled) rows() []logScaledRow {
	rows := []logScaledRow{{name: "log-scaled", value: l.value}}
	if l.both() {
		rows = append(rows, logScaledRow{name: "less its start", start: true,
			value: func(r *record.Record, epoch int) float64 { return l.value(r, epoch) - l.set.start(r) }})
	}
	return rows
}

// value returns log(L − L_min + c) of a run after an epoch, NaN where it has no row.
func (l *logScaled) value(r *record.Record, epoch int) float64 {
	row := r.Row(epoch)
	if row == nil {
		return math.NaN()
	}
	low := floor(r)
	if l.least == ownMinimum {
		low = leastLoss(r)
	}
	return math.Log(float64(row.TrainLoss) - low + l.set.LogOffset)
}

// row returns the cells of a row, nil where no run has the epoch.
func (l *logScaled) row(epoch int, kind logScaledRow) []string {
	row := []string{strconv.Itoa(epoch), kind.name, l.least}
	found := false
	for _, g := range l.groups {
		m, n := mean(g, epoch, kind.value)
		found = found || n > 0
		row = append(row, decimal(m))
	}
	if !found {
		return nil
	}
	var d []float64
	if l.both() {
		var m float64
		d, m = paired(l.ce, l.ls, epoch, kind.value)
		row = append(row, signed(m))
	}
	p, _ := record.PaperValue(l.cells, l.first.Spec.Dataset, epoch, record.LogLoss)
	if kind.start {
		row = append(row, "–", "–", signed(p.LS-p.CE+l.set.headStart(paperDelta)))
	} else {
		row = append(row, decimal(p.CE), decimal(p.LS), signed(p.LS-p.CE))
	}
	if l.judged() {
		l.enough = l.enough || len(d) >= summary.MinSeeds
		v := NotDecided
		if l.least == ownMinimum {
			v = l.direction(verdict(d, -1)) // LS is lower in each of the paper's cells
		}
		row = append(row, v)
	}
	return row
}

// verdictNote says what the verdicts mean, or why there is none.
func (l *logScaled) verdictNote() string {
	why := l.undecided(l.enough)
	switch {
	case l.judged() && l.least == lossFloor:
		return "Verdict: not decided. A verdict needs runs that reach the end of their schedule, for their own minima."
	case why != "":
		return why
	}
	return fmt.Sprintf("Verdict by row: the 95%% Student-t interval of LS − CE over %d paired seeds is wholly "+
		"below 0, as the paper claims and all 16 cells of its Table 2 say (holds), wholly above 0 (does "+
		"not hold) or across 0 "+
		"(not decided).", sharedSeeds(l.ce, l.ls))
}

// caption says where L, c and the paper's numbers come from.
func (l *logScaled) caption() string {
	return fmt.Sprintf("%s L: training loss in nats of the run's own kind, in evaluation mode over all training "+
		"images, without weight decay (the paper does not say how its loss was taken). Logarithms are "+
		"natural; c = %v is the "+
		"paper's for %s, and a loss at L_min gives log c = %s. The paper's numbers are those of its Table 2 "+
		"(arXiv:2402.03979, Appendix B.3), at its own scale.",
		l.origin, l.set.LogOffset, record.DataName(l.first.Spec.Dataset), decimal(math.Log(l.set.LogOffset)))
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
		n := "L_min, own: the least training loss of each run over its measured epochs, to the end of its schedule (" +
			list
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
		"The paper takes each run's own minimum over its whole schedule, which the runs here do not " +
		"all have (they end at " + list + "). " +
		"Once the loss is small, a small change of L_min moves a cell by more than the gap between the losses: these " +
		"cells are not the paper's quantity."
}

// startNote says what the rows less their start are.
func (c *comparison) startNote() string {
	ce, ls := c.ce.runs[0], c.ls.runs[0]
	k := math.Log(float64(c.set.classesOf(ls)))
	return fmt.Sprintf("Less its start: log((L − L_min + c)/(log K − floor + c)). From uniform logits, where either "+
		"loss is log K = %s, CE has %s to lose down to its floor and LS has %s. "+
		"The curve of LS therefore starts lower by %s: that much of LS − CE is there before the first step. In the "+
		"paper's columns these rows add this head start to LS − CE of its cells, which have two decimals: ±0.01 "+
		"decides nothing.",
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
	return floorOf(r.Spec.Loss, paperSet{record.PaperSets[r.Spec.Dataset]}.classesOf(r))
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
	return math.Log(math.Log(float64(s.classesOf(r))) - floor(r) + s.LogOffset)
}

// headStart returns by how much the curve of LS starts below that of CE on the set.
func (s paperSet) headStart(delta float64) float64 {
	k := math.Log(float64(s.Classes))
	return math.Log(k+s.LogOffset) - math.Log(k-floorOf(record.Loss{Name: "ls", Delta: delta}, s.Classes)+s.LogOffset)
}

// paperSetNames lists the paper's data sets.
func paperSetNames() string {
	var names []string
	for set := range record.PaperSets {
		names = append(names, record.DataName(set))
	}
	slices.Sort(names)
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// decimal writes a number with two decimals and a minus sign as wide as a plus.
func decimal(v float64) string { return strings.TrimPrefix(signed(v), "+") }

// digits writes a number of a sentence with three decimals, and 0 as 0.
func digits(v float64) string {
	if v == 0 {
		return "0"
	}
	return fixed(v, 3)
}
