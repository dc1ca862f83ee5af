package toy

import "math"

// WithNC1 moves the samples towards their class means or away from them, all by one factor, so that
// NC1 is v. The class means stay, and with them NC2 and NC3. v is above 0, and the samples must not
// all lie at their means.
func (f *Features) WithNC1(v float64) (*Features, error) {
	s, err := f.Measure()
	if err != nil {
		return nil, err
	}
	// NC1 is a mean of squared distances from the class means, over what stays.
	c := math.Sqrt(v / s.NC1)
	around := f.Around()
	g := f.clone(func([]float64, int) {})
	for i := range g.Labels {
		for j := range g.D {
			g.X[i*g.D+j] += (c - 1) * around.At(i, j)
		}
	}
	return g, nil
}
