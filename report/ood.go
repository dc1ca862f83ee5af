package report

import (
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/ood"
)

// DetectionSheet returns the page of collapse ood. lead says what was measured.
func DetectionSheet(lead string, r *ood.Result) (*Sheet, error) {
	f, err := figures.DetectionFigure(r)
	if err != nil {
		return nil, err
	}
	return &Sheet{
		Title: "Out-of-distribution detection",
		Lead:  lead,
		Sections: []Section{
			{Title: "Scores and sets", Figures: []*figures.Figure{f},
				Tables: []*figures.Table{figures.DetectionTable(r)}},
			{Title: "What the scores are", Tables: []*figures.Table{figures.ScoreTable(r)}},
		},
	}, nil
}
