package report

import (
	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/figures"
)

// CalibrationSheet returns the page of collapse calibrate: the reliability diagrams of the first
// three models, the confidences, metrics, risk and coverage, and bins of all.
func CalibrationSheet(models ...calib.Model) (*Sheet, error) {
	diagrams, err := figures.CalibrationDiagrams(models...)
	if err != nil {
		return nil, err
	}
	drawn := []*figures.Figure{diagrams}
	var bins []Section
	for _, m := range models {
		f, err := figures.Confidence(m.Name+".", m.Report.Summary)
		if err != nil {
			return nil, err
		}
		drawn = append(drawn, f)
		t := figures.BinTable(m.Report.Summary)
		t.Title = "Bins of " + m.Name
		bins = append(bins, Section{Tables: []*figures.Table{t}})
	}
	first := Section{Title: "Figures", Figures: drawn, Tables: []*figures.Table{figures.CalibrationTable(models...)}}
	sections := []Section{first}
	if t := figures.SelectiveTable(models...); len(t.Rows) > 0 {
		f, err := figures.RiskCoverage(models...)
		if err != nil {
			return nil, err
		}
		sections = append(sections, Section{Title: t.Title, Figures: []*figures.Figure{f}, Tables: []*figures.Table{t}})
	}
	return &Sheet{
		Title: "Calibration", Lead: "Measured by collapse calibrate.",
		Sections: append(sections, bins...),
	}, nil
}
