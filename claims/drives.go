package claims

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/gocollapse/collapse/record"
)

// nc1DrivesScaledECE: over δ and epochs of a seed, scaled ECE is regressed on log NC1 and the test
// error. The coefficient of log NC1 must be below 0, and CE's gap to LS at the same NC1 and error
// less than half of what it is without them. It is a correlation: nothing here shows a cause.
func nc1DrivesScaledECE(g *group) finding {
	var slopes, raw, given []float64
	for _, r := range g.arm(0) {
		var rows []row
		for _, a := range g.arms {
			i := slices.IndexFunc(a.runs, func(o *record.Record) bool { return o.Spec.Seed == r.Spec.Seed })
			if i < 0 || len(a.runs) < MinSeeds {
				continue
			}
			for j := range a.runs[i].Epochs {
				e := &a.runs[i].Epochs[j]
				x := row{of("test_scaled_ece")(e), logOf("nc1")(e), of("test_error")(e), 0}
				if a.delta > 0 {
					x.ls = 1
				}
				if defined(x.ece) && defined(x.nc1) && defined(x.err) && float64(e.Epoch) > g.late().from {
					rows = append(rows, x)
				}
			}
		}
		slope, _, ok1 := regress(rows, false)
		_, gap, ok2 := regress(rows, true)
		plain, ok3 := rawGap(rows)
		if ok1 && ok2 && ok3 {
			slopes, given, raw = append(slopes, slope), append(given, gap), append(raw, plain)
		}
	}
	if len(slopes) == 0 {
		return undecided(0, "ECE after temperature scaling is not recorded along training under CE and LS")
	}
	return atMargins(0.5, "share of the gap left", func(share float64) finding {
		left := math.Abs(mean(given)) / math.Abs(mean(raw))
		f := all(below(slopes, "coefficient of log NC1 for ECE after temperature scaling, at equal test error, "+
			g.late().name),
			shown(left < share, left, len(slopes),
				fmt.Sprintf("%.0f %% of the gap between LS and CE is left at equal NC1", 100*left)))
		f.note += "; this is a correlation and shows no cause"
		return f
	})
}

type row struct{ ece, nc1, err, ls float64 }

// regress fits ece = a + b·nc1 + c·err (+ d·ls) and returns b and d; false where the columns are
// dependent or the rows too few.
func regress(rows []row, loss bool) (nc1, ls float64, ok bool) {
	columns := 3
	if loss {
		columns = 4
	}
	if len(rows) <= columns {
		return 0, 0, false
	}
	x, y := mat.NewDense(len(rows), columns, nil), mat.NewVecDense(len(rows), nil)
	for i, r := range rows {
		x.SetRow(i, []float64{1, r.nc1, r.err, r.ls}[:columns])
		y.SetVec(i, r.ece)
	}
	var b mat.VecDense
	if err := b.SolveVec(x, y); err != nil {
		return 0, 0, false
	}
	if loss {
		ls = b.AtVec(3)
	}
	return b.AtVec(1), ls, true
}

// rawGap is the mean of LS less that of CE.
func rawGap(rows []row) (float64, bool) {
	var by [2][]float64
	for _, r := range rows {
		by[int(r.ls)] = append(by[int(r.ls)], r.ece)
	}
	gap := mean(by[1]) - mean(by[0])
	return gap, defined(gap) && gap != 0
}
