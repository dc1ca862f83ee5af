package figures

import (
	"fmt"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"github.com/gocollapse/collapse/ood"
)

// DetectionTable returns how well each score tells the in-distribution samples from each set.
func DetectionTable(r *ood.Result) *Table {
	t := &Table{Title: "Out-of-distribution detection", Header: []string{"set", "score"}}
	for _, m := range ood.Metrics() {
		t.Header = append(t.Header, m.Name)
	}
	intervals := r.Options.Bootstrap > 0
	if intervals {
		t.Header = append(t.Header, "AUROC, 95 %", "FPR95, 95 %")
	}
	for i, set := range r.Sets {
		for _, s := range r.Scores {
			o := s.Results[i]
			row := []string{set, s.Name}
			for _, m := range ood.Metrics() {
				row = append(row, shown(*m.Of(&o.Detection)))
			}
			if intervals {
				row = append(row, shown(o.Low.AUROC)+" to "+shown(o.High.AUROC),
					shown(o.Low.FPR95)+" to "+shown(o.High.FPR95))
			}
			t.Rows = append(t.Rows, row)
		}
	}
	t.Caption = fmt.Sprintf("In-distribution: %d test samples. Scores were fitted on %d training samples (d = %d, "+
		"K = %d). AUROC and AUPR: larger is better, FPR95 (the share of foreign samples accepted where 95 %% of the "+
		"in-distribution ones are): smaller is better.", r.ID, r.N, r.D, r.K)
	for i, set := range r.Sets {
		t.Caption += " " + set + ": " + strconv.FormatInt(r.Sizes[i], 10) + " samples."
	}
	// Scores with one note share it.
	names := map[string]string{}
	var notes []string
	for _, s := range r.Scores {
		note := r.Notes[s.Key]
		switch {
		case note == "":
		case names[note] == "":
			names[note] = s.Name
			notes = append(notes, note)
		default:
			names[note] += ", " + s.Name
		}
	}
	for _, note := range notes {
		t.Notes = append(t.Notes, names[note]+": "+note+".")
	}
	return t
}

// ScoreTable returns what each score of a result is.
func ScoreTable(r *ood.Result) *Table {
	t := &Table{Title: "Scores", Header: []string{"score", "formula", "source"},
		Caption: "A larger score means in-distribution."}
	for _, s := range r.Scores {
		t.Rows = append(t.Rows, []string{s.Name, s.Formula, s.Source})
	}
	return t
}

// DetectionFigure draws AUROC and FPR95 of every score, a mark for each set, with their intervals.
func DetectionFigure(r *ood.Result) (*Figure, error) {
	f := &Figure{Title: "Out-of-distribution detection by score",
		Alt: "AUROC and FPR95, a mark for each score and set."}
	f.Caption = "Higher AUROC and lower FPR95 are better; AUROC is 50 % for a score without sense."
	if r.Options.Bootstrap > 0 {
		f.Caption += fmt.Sprintf(" Bars: 95 %% of %d bootstrap replicates.", r.Options.Bootstrap)
	}
	var ticks []plot.Tick
	for i, s := range r.Scores {
		name := s.Name
		switch s.Key {
		case "mahalanobis":
			name = "Mahal."
		case "relative_mahalanobis":
			name = "rel. M."
		}
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: name})
	}
	var panels []panel
	var keys legend
	for j, m := range []ood.Metric{ood.Metrics()[0], ood.Metrics()[3]} {
		p := newChart(fmt.Sprintf("(%c) %s", 'a'+j, m.Name), "", m.Name+" (%)")
		var curves []*curve
		for i, set := range r.Sets {
			glyph := glyphStyle(i)
			k := &curve{name: set, points: true, bars: true, line: lineStyle(i), glyph: &glyph}
			for c, s := range r.Scores {
				o := s.Results[i]
				// Sets stand next to each other.
				k.x = append(k.x, float64(c)+0.5*(float64(i)+0.5)/float64(len(r.Sets))-0.25)
				k.y = append(k.y, 100**m.Of(&o.Detection))
				if r.Options.Bootstrap > 0 {
					k.low, k.high = append(k.low, 100**m.Of(&o.Low)), append(k.high, 100**m.Of(&o.High))
				}
			}
			curves = append(curves, k)
		}
		addCurves(p, false, curves)
		p.X.Min, p.X.Max = -0.5, float64(len(r.Scores))-0.5
		p.Y.Min, p.Y.Max = 0, 100
		p.X.Tick.Marker = plot.ConstantTicks(ticks)
		panels = append(panels, p)
		if keys == nil {
			keys = legend{nil}
			for _, k := range curves {
				keys[0] = append(keys[0], entry{k.name, k})
			}
		}
	}
	return f, f.lay(vg.Length(640), 460, 1, keys, panels)
}
