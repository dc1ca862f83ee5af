package figures

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/record/summary"
)

// table1Error is one of the four errors of Table 1.
type table1Error struct {
	name string
	key  string // of record.Metrics
}

var table1Errors = []table1Error{
	{"training", "train_error"},
	{"test", "test_error"},
	{"NCC training", "ncc_error"},
	{"NCC test", "ncc_test_error"},
}

// percentAt returns the error in percent.
func (e table1Error) percentAt(r *record.Record, epoch int) float64 {
	row := r.Row(epoch)
	if row == nil {
		return math.NaN()
	}
	return metric(e.key).Shown(row)
}

// Table1 returns the paper's Table 1 for the given runs: training, test and nearest-class-mean
// (NCC) errors in percent at epochs 10, 20, 50 and 100, as far as a run has them. Several seeds of
// one label give their mean.
//
// The paper's cells are next to the measured ones, in columns of their own, if the runs' data set
// is one of the paper's four: CIFAR-10, CIFAR-100, STL-10 and Tiny ImageNet. Other data sets get
// neither cells nor a verdict. The verdict compares the sign of LS − CE with that of the paper's
// cell, by the 95% Student-t interval over paired seeds: holds, does not hold, or not decided.
// Fewer than three paired seeds decide nothing. At reduced scale the verdict is about the direction
// alone, and says so.
//
// It is an error if the runs differ in more than loss, δ, seed and number of epochs, if none has
// one of the epochs (ErrNoEpochs), or if there is no run (ErrNoSeries).
func Table1(runs ...Series) (*Table, error) {
	c, err := compared(runs)
	if err != nil {
		return nil, err
	}
	cells, err := record.PaperTable1()
	if err != nil {
		return nil, err
	}

	t := table("table1")
	c.header(t, []string{"epoch", "error"}, nil, "sign as in the paper")
	enough := false
	for _, epoch := range Table1Epochs {
		for _, e := range table1Errors {
			row := []string{strconv.Itoa(epoch), e.name}
			found := false
			for _, g := range c.groups {
				m, n := mean(g, epoch, e.percentAt)
				found = found || n > 0
				row = append(row, fixed(m, 2))
			}
			if !found {
				continue
			}
			var d []float64
			if c.both() {
				var m float64
				d, m = paired(c.ce, c.ls, epoch, e.percentAt)
				row = append(row, signed(m))
			}
			if c.onPaper {
				p, _ := record.PaperValue(cells, c.first.Spec.Dataset, epoch, e.key)
				row = append(row, fixed(p.CE, 2), fixed(p.LS, 2), signed(p.LS-p.CE))
				if c.judged() {
					enough = enough || len(d) >= summary.MinSeeds
					row = append(row, c.direction(verdict(d, p.LS-p.CE)))
				}
			}
			t.Rows = append(t.Rows, row)
		}
	}
	if len(t.Rows) == 0 {
		return nil, c.noEpochs()
	}

	if !c.onPaper {
		t.Notes = append(t.Notes, "There is no number of the paper here and no claim of the paper "+
			"is judged: the paper "+
			"did not train on "+record.DataName(c.first.Spec.Dataset)+".")
	} else if why := c.undecided(enough); why != "" {
		t.Notes = append(t.Notes, why)
	} else {
		t.Notes = append(t.Notes, fmt.Sprintf("Verdict by cell: the 95%% Student-t interval of LS − CE over %d "+
			"paired seeds is wholly on the side of the paper's sign (holds), wholly on the other (does not hold) "+
			"or across 0 (not decided).", sharedSeeds(c.ce, c.ls)))
	}
	c.reservations(t, "errors")
	t.Caption = c.origin + " NCC: the class whose mean training feature is nearest. "
	if c.onPaper {
		t.Caption += "The paper's numbers are those of its Table 1 (arXiv:2402.03979), at its own scale."
	}
	t.Caption = strings.TrimSpace(t.Caption)
	return t, nil
}
