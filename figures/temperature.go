package figures

import (
	"fmt"

	"github.com/gocollapse/collapse/calib"
)

// Predictions are logits and labels with the name of their model and a sentence on how they came about.
type Predictions struct {
	Label, Origin string
	calib.Source
}

// ReliabilityAt draws Reliability for models whose logits are divided by the temperature t, above 0.
// The caption tells the mean loss of each. At most six models.
func ReliabilityAt(t float64, models ...Predictions) (*Figure, error) {
	var names []string
	var summaries []*calib.Summary
	loss := "Mean loss:"
	origins := ""
	for i, m := range models {
		src, err := calib.AtTemperature(m.Source, t)
		if err != nil {
			return nil, err
		}
		s, err := calib.Summarise(src, calib.DefaultBins)
		if err != nil {
			return nil, err
		}
		names, summaries = append(names, fmt.Sprintf("%s, T = %.3g", m.Label, t)), append(summaries, s)
		if i > 0 {
			loss += ","
		}
		loss += fmt.Sprintf(" %s %.3f", m.Label, s.NLL)
		if m.Origin != "" {
			origins += " " + m.Label + ": " + m.Origin
		}
	}
	f, err := Reliability(loss+"."+origins, names, summaries)
	if err != nil {
		return nil, err
	}
	f.Title = fmt.Sprintf("Reliability at the temperature %.3g", t)
	return f, nil
}
