package report

import (
	"context"
	"errors"
	"fmt"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/ufm"
)

// UFMSheet returns the page of collapse ufm: all tables of a report, with its spectra, and every
// figure. seed draws the start of the descents. Where those are too large or too long, the page says
// so in their place.
func UFMSheet(ctx context.Context, r *ufm.Report, seed uint64) (*Sheet, error) {
	p := r.Params
	tables, err := figures.UFMTables(r, true)
	if err != nil {
		return nil, err
	}
	s := &Sheet{
		Title: "The unconstrained feature model",
		Lead: fmt.Sprintf("K = %d, n = %d, d = %d, λ_W = %g, λ_H = %g, λ_b = %g, δ = %g.",
			p.K, p.N, p.D, p.LambdaW, p.LambdaH, p.LambdaB, p.Delta),
		Sections: []Section{{Tables: tables}},
	}
	for _, name := range figures.UFMNames() {
		f, err := figures.UFM(ctx, name, p, seed)
		if errors.Is(err, ufm.ErrTooLarge) || errors.Is(err, ufm.ErrTooLong) {
			s.Sections = append(s.Sections, Section{Text: fmt.Sprintf("Not drawn: %s. %v.", name, err)})
			continue
		}
		if err != nil {
			return nil, err
		}
		s.Sections = append(s.Sections, Section{Figures: []*figures.Figure{f}})
	}
	return s, nil
}
