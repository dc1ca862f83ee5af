package claims

import (
	"fmt"
	"math"
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

// Limits returns the list, counted from the paper's Tables 1 and 2 and from the closed forms.
func Limits() ([]Limit, error) {
	one, err := record.PaperTable1()
	if err != nil {
		return nil, fmt.Errorf("claims: %w", err)
	}
	two, err := record.PaperTable2()
	if err != nil {
		return nil, fmt.Errorf("claims: %w", err)
	}
	list := []Limit{lowerOnAll(one), slightGain(one), confirmedByNCC(one)}
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

// count returns in how many cells of a metric LS is below CE, and those where it is not.
func count(cells []record.PaperCell, metric string) (lower, all int, above []string) {
	for _, c := range cells {
		switch {
		case c.Metric != metric:
			continue
		case c.LS < c.CE:
			lower++
		default:
			above = append(above, fmt.Sprintf("%s at epoch %d", setName(c.Dataset), c.Epoch))
		}
		all++
	}
	return lower, all, above
}

func lowerOnAll(cells []record.PaperCell) Limit {
	var parts, above []string
	for _, e := range []struct{ name, key string }{{"training", "train_error"}, {"test", "test_error"},
		{"NCC training", "ncc_error"}, {"NCC test", "ncc_test_error"}} {
		n, all, not := count(cells, e.key)
		parts = append(parts, fmt.Sprintf("%s error %d of %d", e.name, n, all))
		if e.key == "test_error" {
			above = not
		}
	}
	return Limit{Title: "Lower test error on all data sets",
		Claims: []string{"c3.1-ls-lower-test-error", "c3.1-ls-faster-test-error"},
		Finding: "In Table 1 LS is below CE in these cells: " + strings.Join(parts, ", ") +
			". Its test error is higher for " + strings.Join(above, ", ") + ". Table 1 ends at epoch 100."}
}

// at100 lists LS minus CE at epoch 100, one data set after the other.
func at100(cells []record.PaperCell, metric string) (text []string, higher int) {
	for _, c := range cells {
		if c.Epoch != 100 || c.Metric != metric {
			continue
		}
		d := c.LS - c.CE
		text = append(text, strings.Replace(fmt.Sprintf("%s %+.2f", setName(c.Dataset), d), " -", " −", 1))
		if d > 0 {
			higher++
		}
	}
	return text, higher
}

func slightGain(cells []record.PaperCell) Limit {
	text, _ := at100(cells, "test_error")
	return Limit{Title: "Slight gain on CIFAR-100", Claims: []string{"c3.2-gain-by-data-set"},
		Finding: "Test error of LS minus that of CE at epoch 100, in points: " + strings.Join(text, ", ") + "."}
}

func confirmedByNCC(cells []record.PaperCell) Limit {
	text, higher := at100(cells, "ncc_error")
	return Limit{Title: "Faster error reduction confirmed by the nearest class mean",
		Claims: []string{"c3.1-ls-faster-ncc-error"},
		Finding: fmt.Sprintf("At epoch 100 LS has the higher NCC training error on %d of %d data sets: %s points.",
			higher, len(text), strings.Join(text, ", "))}
}

// headStart compares Table 2 with how much lower LS starts: from uniform logits LS has log K less
// the entropy of its label to lose, CE has log K.
func headStart(cells []record.PaperCell) (Limit, error) {
	var starts, gaps, beyond []string
	lower, all, _ := count(cells, record.LogLoss)
	for _, set := range paperSets {
		start, err := startDifference(set)
		if err != nil {
			return Limit{}, err
		}
		starts = append(starts, fmt.Sprintf("%.3f (%s)", start, setName(set)))
		c, ok := record.PaperValue(cells, set, 100, record.LogLoss)
		if !ok {
			return Limit{}, fmt.Errorf("no cell of %s at epoch 100", setName(set))
		}
		gap := c.CE - c.LS
		gaps = append(gaps, fmt.Sprintf("%.2f (%s)", gap, setName(set)))
		if math.Round(gap*100)/100 > math.Round(start*100)/100 {
			beyond = append(beyond, setName(set))
		}
	}
	return Limit{Title: "Log-scaled loss", Claims: []string{"cB.3-log-loss-lower"},
		Finding: fmt.Sprintf("In Table 2 LS is lower in %d of %d cells. But from uniform logits, each minimum "+
			"taken at its floor, "+
			"the curve of LS starts lower by %s. At epoch 100 it is lower by %s: above this head start on %s only.",
			lower, all,
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
