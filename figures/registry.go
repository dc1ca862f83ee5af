package figures

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/internal/edit"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/ufm"
)

// An Entry is a figure or table of the paper that this package makes, or a figure beyond it.
type Entry struct {
	ID     string // fig4, table1, thm4.1; film
	Number string // the paper's: 4, 1, 4.1; "" for a figure that is not in the paper
	Title  string // what it shows, in one line
	Needs  string // what a record must hold, in words; "" for a closed form

	// Figure or Table makes it from records, Theory without: in closed form, or from free features.
	Figure func(runs ...Series) (*Figure, error)
	Table  func(runs ...Series) (*Table, error)
	Theory func(p ufm.Params) (*Figure, error)

	// DataSets says that the figure has panels for each data set, so that runs of several belong into
	// one picture, and that it names planned runs that are missing.
	DataSets bool

	// PaperScale says that it tells little of runs at a smaller scale.
	PaperScale bool

	has    func(*record.Record) bool // whether a record holds what it needs
	enough func([]Series) bool       // whether such runs suffice; nil where one does
}

// All returns the entries in the order of the paper, figures beyond it after its own. The command
// collapse reproduce, the report and package nb read it: a new figure is a function and an entry here.
func All() []Entry {
	return []Entry{
		{ID: "fig1", Number: "1", Title: "Error and neural collapse along training",
			Needs: "measured epochs", has: func(*record.Record) bool { return true }, Figure: Figure1},
		{ID: "fig2", Number: "2", Title: "NC1 against NC2 along training",
			Needs: "measured epochs", has: hasPlanePoint, Figure: Figure2, DataSets: true},
		{ID: "fig3", Number: "3", Title: "Calibration and norms against label smoothing",
			Needs: "calibration at the end of runs under CE or LS, for at least two δ",
			has:   func(r *record.Record) bool { return underDelta(r) && hasFinalCalibration(r) }, enough: swept,
			Figure: Figure3, DataSets: true},
		{ID: "fig4", Number: "4", Title: "Calibration along training, by outcome",
			Needs: "calibration of the test images, which the oldest records lack",
			has:   hasTestCalibration, Figure: Figure4},
		{ID: "fig5", Number: "5", Title: "Training loss, as it is and log-scaled",
			Needs: "measured epochs, loss CE or LS, and one of the paper's data sets", has: isLogScaled,
			Figure: Figure5, DataSets: true},
		{ID: "fig6", Number: "6", Title: "Collapse, norms and test error against label smoothing",
			Needs: "complete runs under CE or LS, for at least two δ",
			has:   func(r *record.Record) bool { return underDelta(r) && complete(r) }, enough: swept,
			Figure: Figure6, DataSets: true},
		{ID: "fig7", Number: "7", Title: "Reliability and share of samples",
			Needs: "calibration at the end of a run", has: hasFinalCalibration, Figure: Figure7},
		{ID: "fig8", Number: "8", Title: "Norms along training and their closed form",
			Needs: "runs of the simulated unconstrained feature model under CE or LS", has: isSimulatedUFM,
			Figure: Figure8, DataSets: true, Theory: freeFigure8},
		{ID: "fig9", Number: "9", Title: "Training error and collapse along training for several δ",
			Needs: "measured epochs of runs under CE or LS with weight decay, for at least three δ",
			has:   func(r *record.Record) bool { return underDelta(r) && !r.Spec.UFM() }, enough: severalDelta,
			Figure: Figure9, DataSets: true},
		{ID: "fig10", Number: "10", Title: "Training error and collapse in the simulated unconstrained feature model",
			Needs: "runs of the simulated unconstrained feature model under CE or LS where s+δ < 1",
			has:   underOne, Figure: Figure10, DataSets: true, Theory: freeFigure10},
		{ID: "film", Title: "Features and classifier of three classes along training",
			Needs: "a picture of the plane of three classes along training", has: hasPicture(hasPlane), Figure: Film},
		{ID: "products", Title: "Classifier times class means along training",
			Needs: "WᵀH̄ along training, of at most 20 classes", has: hasPicture(hasProducts), Figure: Products},
		{ID: "depth", Title: "NC1 through depth", Needs: "NC1 by layer at the end of a run (train --layer-profile)",
			has: hasDepth, Figure: Depth},
		{ID: "table1", Number: "1", Title: "Errors along training, in percent",
			Needs: "a row at epoch 10, 20, 50 or 100", has: hasTableEpoch, Table: Table1},
		{ID: "table2", Number: "2", Title: "Log-scaled training loss",
			Needs: "a row at epoch 10, 20, 50 or 100, loss CE or LS, and one of the paper's data sets",
			has:   hasLogScaledLoss, Table: Table2, PaperScale: true},
		{ID: "thm4.1", Number: "4.1", Title: "Norms of the global minimiser", Theory: closedForm("norms")},
		{ID: "thm4.2", Number: "4.2", Title: "Condition number against label smoothing", Theory: closedForm("kappa")},
	}
}

// FromRecords reports whether records make it.
func (e Entry) FromRecords() bool { return e.Figure != nil || e.Table != nil }

// ByID returns the entry of an id. The error of an unknown id names the nearest and lists all.
func ByID(id string) (Entry, error) {
	all := All()
	if i := slices.IndexFunc(all, func(e Entry) bool { return e.ID == id }); i >= 0 {
		return all[i], nil
	}
	ids := make([]string, len(all))
	for i, e := range all {
		ids[i] = e.ID
	}
	return Entry{}, fmt.Errorf("figures: no figure or table %q; did you mean %s? There are %s",
		id, edit.Nearest(id, ids), strings.Join(ids, ", "))
}

// Name is what the paper calls it: Figure 4, Table 1, Theorem 4.1. A figure that is not in the paper
// has its id: Film.
func (e Entry) Name() string {
	switch {
	case e.Number == "":
		return upperFirst(e.ID)
	case e.Figure != nil:
		return "Figure " + e.Number
	case e.Table != nil:
		return "Table " + e.Number
	}
	return "Theorem " + e.Number
}

// Takes reports whether a record holds what the entry needs of a run. Some entries need several such
// runs, see From.
func (e Entry) Takes(r *record.Record) bool { return e.has != nil && e.has(r) }

// From returns the runs that hold what the entry needs, and the planned runs that are missing. It
// returns none for an entry that records do not make, or where the runs do not suffice.
func (e Entry) From(runs ...Series) []Series {
	if e.has == nil {
		return nil
	}
	usable := slices.DeleteFunc(slices.Clone(runs), func(s Series) bool {
		return s.Missing == nil && !e.has(s.Record)
	})
	if e.enough != nil && !e.enough(usable) {
		return nil
	}
	return usable
}

// figure returns an empty figure with the number and title of an entry from records.
func figure(id string) *Figure {
	e := entryOf(id)
	return &Figure{Number: e.Number, Title: e.Title}
}

// table returns an empty table with the number and title of an entry.
func table(id string) *Table {
	e := entryOf(id)
	return &Table{Number: e.Number, Title: e.Title}
}

// entryOf returns the entry of an id of this package's own.
func entryOf(id string) Entry {
	e, err := ByID(id)
	if err != nil {
		panic(err)
	}
	return e
}

// closedForm returns the function that draws a figure of UFM.
func closedForm(name string) func(ufm.Params) (*Figure, error) {
	return func(p ufm.Params) (*Figure, error) { return UFM(context.Background(), name, p, 0) }
}

func hasTestCalibration(r *record.Record) bool {
	return slices.ContainsFunc(r.Epochs, func(e record.Epoch) bool { return e.Test != nil })
}

func hasTableEpoch(r *record.Record) bool {
	return slices.ContainsFunc(Table1Epochs, func(epoch int) bool { return r.Row(epoch) != nil })
}

func hasLogScaledLoss(r *record.Record) bool { return isLogScaled(r) && hasTableEpoch(r) }

// isLogScaled reports whether the paper gives a constant c of the log-scaled loss for a run.
func isLogScaled(r *record.Record) bool {
	_, onPaper := paperSetOf(r.Spec.Dataset)
	return onPaper && len(r.Epochs) > 0 && underDelta(r) && r.Spec.Loss.Validate() == nil
}

// underDelta reports whether a run is under CE or LS.
func underDelta(r *record.Record) bool { _, ok := deltaOf(r); return ok }

// complete reports whether a run has the row of its last epoch.
func complete(r *record.Record) bool {
	l := r.Last()
	return l != nil && l.Epoch >= r.Spec.Epochs && r.Status != record.Failed
}

// severalDelta reports whether runs have at least three δ. With two, Figure 1 shows the same.
func severalDelta(runs []Series) bool {
	deltas := map[float64]bool{}
	for _, s := range runs {
		if s.Missing != nil {
			return true
		}
		deltas[s.Record.Spec.Delta] = true
	}
	return len(deltas) > 2
}

func hasPlanePoint(r *record.Record) bool {
	t, _ := trailOf(r)
	return len(t.epochs) > 0
}
