package toy

import (
	"math/rand/v2"
	"slices"
)

// LabelsLate gives sample i the label of sample i − rows, around the end: a file whose labels were
// written some rows too late. Features and classifier stay. A negative number undoes it.
func (f *Features) LabelsLate(rows int) *Features {
	g := *f
	g.Labels = slices.Clone(f.Labels)
	n := len(f.Labels)
	for i, l := range f.Labels {
		g.Labels[((i+rows)%n+n)%n] = l
	}
	return &g
}

// Shuffled puts the samples into another order, with their labels. The same call gives the same order.
func (f *Features) Shuffled() *Features {
	g := *f
	g.X, g.Labels = slices.Clone(f.X), slices.Clone(f.Labels)
	rand.New(rand.NewPCG(5, 6)).Shuffle(len(g.Labels), func(i, j int) {
		g.Labels[i], g.Labels[j] = g.Labels[j], g.Labels[i]
		for c := range g.D {
			g.X[i*g.D+c], g.X[j*g.D+c] = g.X[j*g.D+c], g.X[i*g.D+c]
		}
	})
	return &g
}

// Late returns features of five classes, 20 samples each in no order, whose labels are late by a number
// of rows, less than 20: an exercise.
func Late() *Features { return Simplex(5, 20, 0.1).Shuffled().LabelsLate(7) }
