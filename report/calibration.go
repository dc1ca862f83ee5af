package report

import (
	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/figures"
)

// CalibrationSheet returns the page of collapse calibrate: the reliability diagrams of the first
// three models, and the confidences, metrics and bins of all.
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
	return &Sheet{
		Title: "Calibration", Lead: "Measured by collapse calibrate.",
		Sections: append([]Section{first}, bins...),
	}, nil
}
