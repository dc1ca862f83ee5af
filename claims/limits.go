package claims

import (
	"encoding/csv"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/ufm"
)

// Limit is a claim that the paper's own numbers do not support as worded.
type Limit struct {
	Title   string
	Claims  []string // ids of the claims that it concerns
	Finding string   // counted from the paper's tables or computed from its formulas
}

// Limits returns the list, counted from the texts of the paper's Tables 1 and 2 as CSV (package
// figures holds them) and from the closed forms. It is an error if a table lacks a cell.
func Limits(table1, table2 string) ([]Limit, error) {
	one, err := paperTable(table1)
	if err != nil {
		return nil, fmt.Errorf("claims: Table 1: %w", err)
	}
	two, err := paperTable(table2)
	if err != nil {
		return nil, fmt.Errorf("claims: Table 2: %w", err)
	}
	var list []Limit
	for _, of := range []func(paperCells) (Limit, error){lowerOnAll, slightGain, confirmedByNCC} {
		l, err := of(one)
		if err != nil {
			return nil, fmt.Errorf("claims: Table 1: %w", err)
		}
		list = append(list, l)
	}
	l, err := headStart(two)
	if err != nil {
		return nil, fmt.Errorf("claims: Table 2: %w", err)
	}
	theirs, err := conditionLimits()
	if err != nil {
		return nil, err
	}
	return append(append(list, l), theirs...), nil
}

// paperCells are rows of a table, from column to text.
type paperCells []map[string]string

func paperTable(text string) (rows paperCells, err error) {
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(lines) < 2 {
		return nil, fmt.Errorf("%d lines, want a header and rows", len(lines))
	}
	for _, l := range lines[1:] {
		row := map[string]string{}
		for i, column := range lines[0] {
			row[column] = l[i]
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// paperColumns are the data sets of the tables in the paper's order, as their columns and as people
// name them.
var paperColumns = []struct{ column, set string }{
	{"cifar10", "cifar10"}, {"cifar100", "cifar100"}, {"stl10", "stl10"}, {"tinyimagenet", "tiny-imagenet"},
}

// difference is LS less CE of the columns that prefix begins.
func difference(row map[string]string, prefix string) (float64, error) {
	var v [2]float64
	for i, loss := range []string{"_ce", "_ls"} {
		n, err := strconv.ParseFloat(row[prefix+loss], 64)
		if err != nil {
			return 0, fmt.Errorf("column %s%s: want a number, found %q", prefix, loss, row[prefix+loss])
		}
		v[i] = n
	}
	return v[1] - v[0], nil
}

// count returns in how many rows LS is below CE, and the cells where it is not.
func (c paperCells) count(prefix string) (lower int, above []string, err error) {
	for _, row := range c {
		d, err := difference(row, prefix)
		switch {
		case err != nil:
			return 0, nil, err
		case d < 0:
			lower++
		default:
			above = append(above, row["dataset"]+" at epoch "+row["epoch"])
		}
	}
	return lower, above, nil
}

func lowerOnAll(c paperCells) (Limit, error) {
	var parts, above []string
	for _, e := range []struct{ name, prefix string }{{"training", "train_error"}, {"test", "test_error"},
		{"NCC training", "ncc_train_error"}, {"NCC test", "ncc_test_error"}} {
		n, not, err := c.count(e.prefix)
		if err != nil {
			return Limit{}, err
		}
		parts = append(parts, fmt.Sprintf("%s error %d of %d", e.name, n, len(c)))
		if e.prefix == "test_error" {
			above = not
		}
	}
	return Limit{Title: "Lower test error on all data sets",
		Claims: []string{"c3.1-ls-lower-test-error", "c3.1-ls-faster-test-error"},
		Finding: "In Table 1 LS is below CE in these cells: " + strings.Join(parts,
			", ") + ". Its test error is higher for " +
			strings.Join(above, ", ") + ". Table 1 speaks of epochs up to 100 only."}, nil
}

// at100 lists LS less CE at epoch 100, one data set after the other.
func (c paperCells) at100(prefix string) (text []string, higher int, err error) {
	for _, row := range c {
		if row["epoch"] != "100" {
			continue
		}
		d, err := difference(row, prefix)
		if err != nil {
			return nil, 0, err
		}
		text = append(text, fmt.Sprintf("%s %+.2f", row["dataset"], d))
		if d > 0 {
			higher++
		}
	}
	return text, higher, nil
}

func slightGain(c paperCells) (Limit, error) {
	text, _, err := c.at100("test_error")
	return Limit{Title: "Slight gain on CIFAR-100", Claims: []string{"c3.2-gain-by-data-set"},
		Finding: "Test error of LS less that of CE at epoch 100, in points: " + strings.Join(text, ", ") + "."}, err
}

func confirmedByNCC(c paperCells) (Limit, error) {
	text, higher, err := c.at100("ncc_train_error")
	return Limit{Title: "Faster error reduction confirmed by the nearest class mean",
		Claims: []string{"c3.1-ls-faster-ncc-error"},
		Finding: fmt.Sprintf("At epoch 100 LS has the higher NCC training error on %d of %d data sets: %s points.",
			higher, len(text), strings.Join(text, ", "))}, err
}

// headStart compares Table 2 with how much lower LS starts: from uniform logits LS has log K less
// the entropy of its label to lose, CE has log K.
func headStart(c paperCells) (Limit, error) {
	var starts, gaps, beyond []string
	lower, cells := 0, 0
	for _, s := range paperColumns {
		start, err := startDifference(s.set)
		if err != nil {
			return Limit{}, err
		}
		starts = append(starts, fmt.Sprintf("%.3f (%s)", start, setName(s.set)))
		for _, row := range c {
			d, err := difference(row, s.column)
			if err != nil {
				return Limit{}, err
			}
			cells++
			if d < 0 {
				lower++
			}
			if row["epoch"] != "100" {
				continue
			}
			gaps = append(gaps, fmt.Sprintf("%.2f (%s)", -d, setName(s.set)))
			if math.Round(-d*100)/100 > math.Round(start*100)/100 {
				beyond = append(beyond, setName(s.set))
			}
		}
	}
	return Limit{Title: "Log-scaled loss", Claims: []string{"cB.3-log-loss-lower"},
		Finding: fmt.Sprintf("In Table 2 LS is lower in %d of %d cells. But from uniform logits, each minimum "+
			"taken at its floor, "+
			"its curve starts lower by %s. At epoch 100 it is lower by %s: above this head start on %s only.",
			lower, cells,
			strings.Join(starts, ", "), strings.Join(gaps, ", "), strings.Join(beyond, ", "))}, nil
}

// startDifference is how much lower log(L − L_min + c) of LS starts, at uniform logits and with
// L_min at its floor.
func startDifference(set string) (float64, error) {
	k := record.PaperSets[set].Classes
	floor, err := record.Loss{Name: "ls", Delta: paperDelta}.Floor(k)
	if err != nil {
		return 0, err
	}
	start, c := math.Log(float64(k)), record.PaperSets[set].LogOffset
	return math.Log(start+c) - math.Log(start-floor+c), nil
}

// conditionLimits are those of the condition number, and one slip in the text.
func conditionLimits() ([]Limit, error) {
	p := ufm.PaperParams()
	ls, err := p.Minimiser()
	if err != nil {
		return nil, err
	}
	p.Delta = 0
	ce, err := p.Minimiser()
	if err != nil {
		return nil, err
	}
	small := p.Small(3, p.K+1)
	joint := func(delta float64) (float64, error) {
		q := small
		q.Delta = delta
		m, err := q.Minimiser()
		if err != nil {
			return 0, err
		}
		return m.Conditions().Full, nil
	}
	jointCE, err := joint(0)
	if err != nil {
		return nil, err
	}
	jointLS, err := joint(paperDelta)
	if err != nil {
		return nil, err
	}
	top := func(s ufm.Spectrum) float64 { return s[len(s)-1].Value }
	return []Limit{
		{Title: "Notably lower condition number", Claims: []string{"c4.2-kappa"},
			Finding: fmt.Sprintf("With K=10, n=5000 and the paper's λ, κ is %.2f for CE and %.2f for LS: %.1f "+
				"%% lower.",
				ce.KappaW, ls.KappaW, 100*(1-ls.KappaW/ce.KappaW))},
		{Title: "Smoother landscape", Claims: []string{"c4.2-curvature-spread"},
			Finding: fmt.Sprintf("There LS raises the largest nonzero eigenvalue of the W block (%.4f to %.4f) "+
				"and the smallest "+
				"(%.5f to %.5f). Only the ratio falls.", top(ce.HessianW), top(ls.HessianW), ce.HessianW[1].Value,
				ls.HessianW[1].Value)},
		{Title: "Lower κ, hence faster", Claims: []string{"c4.2-local-speed"},
			Finding: fmt.Sprintf("Theorem 4.2 is about one block, the loss without penalties and nonzero "+
				"eigenvalues. With λ_W added "+
				"and the null space kept, κ of the W block goes from %.2f to %.1f, and the joint one from %.1f "+
				"to %.1f (K=10, n=3, "+
				"the same s, coordinates scaled by √λ).", ce.Conditions().WL2, ls.Conditions().WL2, jointCE, jointLS)},
		{Title: "Eq 15 at K=2", Claims: []string{"c4.2-kappa"},
			Finding: "The condition number on nonzero eigenvalues is 1 for every δ: it does not fall."},
		{Title: "Slip in the last paragraph of 4.2", Claims: []string{"c4.2-kappa"},
			Finding: "It credits Theorem 4.1 with what Theorem 4.2 says about convergence."},
	}, nil
}
