package figures

import (
	"fmt"
	"math"

	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/record"
)

// figure7Labels is the most labels that Figure7 shows.
const figure7Labels = 3

// Figure7 draws the paper's Figure 7 from the calibration at the end of runs, as Reliability does:
// before and after temperature scaling, on the half of the test split on which T was not fitted. It
// shows the first run of each of up to three labels. A run whose T is not defined has only the first,
// and the caption says why. It is an error if a record does not hold that calibration.
func Figure7(runs ...Series) (*Figure, error) {
	groups, err := grouped(runs)
	if err != nil {
		return nil, err
	}
	groups = groups[:min(len(groups), figure7Labels)]
	var drawn []Series
	var names []string
	var summaries []*calib.Summary
	notes := ""
	for _, g := range groups {
		if err := finalError("Figure 7", g.runs[0]); err != nil {
			return nil, err
		}
		before, after := finalCalibrations(g.runs[0])
		names, summaries = append(names, g.label), append(summaries, summaryOf(before))
		if t := float64(after.Temperature); !math.IsNaN(t) {
			names = append(names, fmt.Sprintf("%s, T = %.3g", g.label, t))
			summaries = append(summaries, summaryOf(after))
		}
		for _, note := range temperatureOf(g.runs[0], after) {
			notes += " " + g.label + ", " + note + "."
		}
		drawn = append(drawn, Series{Label: g.label, Record: g.runs[0]})
	}
	origin, err := Origin(drawn...)
	if err != nil {
		return nil, err
	}
	return Reliability("Test images on which T was not fitted. "+temperatureNote+" "+origin+notes, names, summaries)
}

// temperatureOf says of which run T is not defined or at a bound, and why.
func temperatureOf(run *record.Record, after *record.FinalCalibration) []string {
	if note := after.Notes["temperature"]; note != "" {
		return []string{fmt.Sprintf("seed %d: %s", run.Spec.Seed, note)}
	}
	return nil
}

// finalCalibrations returns the calibration at the end of a run before and after temperature
// scaling, on the half of the test split on which T was not fitted; nil where the run has none.
func finalCalibrations(r *record.Record) (before, after *record.FinalCalibration) {
	return r.Calibration(record.TestHalf, record.Unscaled, calib.PaperBins),
		r.Calibration(record.TestHalf, record.ScaledByNLL, calib.PaperBins)
}

func hasFinalCalibration(r *record.Record) bool {
	before, after := finalCalibrations(r)
	return before != nil && after != nil
}

// finalError says that a record does not hold the calibration at the end of its run.
func finalError(what string, r *record.Record) error {
	if hasFinalCalibration(r) {
		return nil
	}
	why := ""
	if r.Final != nil && r.Final.Notes["calibration"] != "" {
		why = ": " + r.Final.Notes["calibration"]
	}
	return fmt.Errorf("figures: %s needs the calibration at the end of a run; the record of %q does not hold it%s",
		what, r.Spec.Name, why)
}

// deltaOf returns δ of a run under CE or LS.
func deltaOf(r *record.Record) (float64, bool) {
	l := r.Spec.Loss
	return l.Delta, l.Name == "ce" || l.Name == "ls"
}

// summaryOf returns what Reliability draws of a calibration.
func summaryOf(c *record.FinalCalibration) *calib.Summary {
	s := &calib.Summary{N: c.N, ECE: float64(c.Metrics["ece"]),
		Accuracy: float64(c.Metrics["accuracy"]), Confidence: float64(c.Metrics["confidence"])}
	for _, b := range c.Bins {
		s.Bins = append(s.Bins, calib.Bin{Lo: float64(b.Lo), Hi: float64(b.Hi), Count: float64(b.Count),
			Accuracy: float64(b.Accuracy), Confidence: float64(b.Confidence)})
	}
	return s
}
