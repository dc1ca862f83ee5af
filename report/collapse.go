package report

import (
	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/nc"
)

// CollapseSheet returns the page of collapse measure: the figures, then the tables of a summary.
// lead says what was measured.
func CollapseSheet(lead string, s *nc.Summary, drawn []*figures.Figure) *Sheet {
	tables := figures.CollapseTables(s)
	return &Sheet{
		Title: "Neural collapse",
		Lead:  lead,
		Sections: []Section{
			{Title: "Figures", Figures: drawn, Tables: tables[:1]},
			{Title: "Details", Tables: append(tables[1:], figures.ClassTable(s))},
		},
	}
}
