package figures

import (
	"fmt"
	"strconv"

	"gonum.org/v1/plot/vg"

	"github.com/gocollapse/collapse/calib"
)

// normWords describes the p-norm that was chosen.
func normWords(p *calib.PNorm) string {
	s := fmt.Sprintf("p = %d", p.P)
	if p.P == 0 {
		s = "no norm"
	}
	if p.Centred {
		return s + ", centred"
	}
	return s + ", not centred"
}

// SelectiveTable returns what each score gives for selective classification, model by model; models
// that were measured without it have no rows. The p-norm, measured on the samples on which p was not
// chosen, has MSP on the same samples under it.
func SelectiveTable(models ...calib.Model) *Table {
	t := &Table{Title: "Selective classification", Header: []string{"model", "score", "samples", "AURC", "E-AURC",
		"AUGRC", "risk at 80 %", "risk at 90 %", "coverage at 1 %", "coverage at 5 %"}}
	row := func(model, name string, s *calib.Selective) {
		t.Rows = append(t.Rows, []string{model, name, strconv.FormatInt(s.N, 10), shown(s.AURC), shown(s.EAURC),
			shown(s.AUGRC), shown(s.RiskAt80), shown(s.RiskAt90), shown(s.CoverageAt1), shown(s.CoverageAt5)})
	}
	fitAll := false
	for _, m := range models {
		for i := range m.Report.Selective {
			s := &m.Report.Selective[i]
			if s.PNorm == nil {
				row(m.Name, s.Name, s)
			} else {
				row(m.Name, "p-norm, "+normWords(s.PNorm), s)
				row(m.Name, "MSP, the same samples", s.PNorm.MSP)
			}
			if s.Note != "" {
				t.Notes = append(t.Notes, fmt.Sprintf("%s, %s: %s.", m.Name, s.Name, s.Note))
			}
		}
		fitAll = fitAll || m.Report.FitAll
	}
	chosen := "one half of the samples and are measured on the other."
	if fitAll {
		chosen = "the samples on which they are measured, which is optimistic."
	}
	t.Caption = "A model abstains where the score is small. Risk: share of wrong predictions among those accepted, " +
		"at a coverage (the share accepted). Coverage: the largest with at most this risk. Equal scores count with " +
		"the mean over their orders. p and the centring of the logits were chosen on " + chosen
	return t
}

// RiskCoverage draws the risk against the coverage of the scores of the first three models, one panel
// each. It is an error if no model was measured with them.
func RiskCoverage(models ...calib.Model) (*Figure, error) {
	f := &Figure{Title: "Risk and coverage", Alt: "Risk against coverage, one line for each score."}
	var panels []panel
	var keys legend
	for _, m := range models {
		if len(m.Report.Selective) == 0 || len(panels) == 3 {
			continue
		}
		p := newChart(fmt.Sprintf("(%c) %s", 'a'+len(panels), m.Name), "coverage (%)", "risk (%)")
		var curves []*curve
		for i, s := range m.Report.Selective {
			if len(s.Risks) == 0 {
				continue
			}
			k := &curve{name: s.Name, line: lineStyle(i)}
			for j, risk := range s.Risks {
				k.x, k.y = append(k.x, 100*float64(j+1)/float64(len(s.Risks))), append(k.y, 100*risk)
			}
			curves = append(curves, k)
		}
		addCurves(p, false, curves)
		p.X.Min, p.X.Max = 0, 100
		if panels = append(panels, p); len(keys) == 0 || len(curves) > len(keys[0]) {
			keys = legend{nil}
			for _, k := range curves {
				keys[0] = append(keys[0], entry{k.name, k})
			}
		}
	}
	if len(panels) == 0 {
		return nil, fmt.Errorf("figures: no model was measured with selective classification")
	}
	chosen := "The p-norm is measured on the samples on which p was not chosen, other scores on all."
	if models[0].Report.FitAll {
		chosen = "p was chosen on the same samples, which is optimistic."
	}
	f.Caption = "Risk: share of wrong predictions among those that a model makes where it abstains at small scores. " +
		chosen
	wide := 230
	if len(panels) == 1 {
		wide = 400
	}
	return f, f.lay(vg.Length(wide*len(panels)+20), 270, len(panels), keys, panels)
}
