// Package toy holds small sets of features whose collapse can be said beforehand, for lessons: the
// corners of a simplex with samples around them, and what a reader does to them (scale, shift,
// turn). They are measured by package nc as a network's features are.
package toy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/nc"
)

// Corners returns the K corners of a regular simplex around 0 in K−1 dimensions, K×(K−1)
// row-major: vectors of length 1 with the cosine −1/(K−1) between any two. K is at least 2.
func Corners(k int) []float64 {
	if k < 2 {
		panic(fmt.Sprintf("toy: a simplex of %d corners; want at least 2", k))
	}
	d := k - 1
	v := make([]float64, k*d)
	// Each corner agrees with those after it in all but the coordinates from its own on.
	for i := range d {
		var used float64
		for j := range i {
			used += v[i*d+j] * v[i*d+j]
		}
		v[i*d+i] = math.Sqrt(1 - used)
		var dot float64
		for j := range i {
			dot += v[i*d+j] * v[(i+1)*d+j]
		}
		rest := (-1/float64(d) - dot) / v[i*d+i]
		for below := i + 1; below < k; below++ {
			v[below*d+i] = rest
		}
	}
	return v
}

// Features are samples of K classes in D dimensions and a classifier.
type Features struct {
	K, D   int
	X      []float64 // N×D row-major
	Labels []int32   // N, 0…K−1
	W      []float64 // K×D row-major, without bias
}

// Simplex returns n samples for each of k classes: the class means are the corners of Corners(k),
// up to the scatter of the samples, whose coordinates are normal with standard deviation spread.
// The classifier's vectors are the corners. The same call gives the same numbers.
func Simplex(k, n int, spread float64) *Features {
	f := &Features{K: k, D: k - 1, W: Corners(k)}
	random := rand.New(rand.NewPCG(1, 2))
	for class := range k {
		for range n {
			for _, c := range f.W[class*f.D : (class+1)*f.D] {
				f.X = append(f.X, c+spread*random.NormFloat64())
			}
			f.Labels = append(f.Labels, int32(class))
		}
	}
	return f
}

// Triangle is Simplex of three classes, which lie in the plane.
func Triangle(n int, spread float64) *Features { return Simplex(3, n, spread) }

// clone returns a copy whose samples change may change, each with its class.
func (f *Features) clone(change func(x []float64, class int)) *Features {
	g := *f
	g.X, g.W = slices.Clone(f.X), slices.Clone(f.W)
	for i, l := range g.Labels {
		change(g.X[i*g.D:(i+1)*g.D], int(l))
	}
	return &g
}

// Scaled multiplies all features by c.
func (f *Features) Scaled(c float64) *Features {
	return f.clone(func(x []float64, _ int) {
		for j := range x {
			x[j] *= c
		}
	})
}

// Shifted adds c to every coordinate of all features.
func (f *Features) Shifted(c float64) *Features {
	return f.clone(func(x []float64, _ int) {
		for j := range x {
			x[j] += c
		}
	})
}

// Turned turns all features around 0, in the plane of the first two coordinates; the classifier
// stays.
func (f *Features) Turned(degrees float64) *Features {
	return f.clone(func(x []float64, _ int) { turn(x, degrees) })
}

// TurnedClass turns the samples of one class, counted from 1, and its vector of the classifier.
func (f *Features) TurnedClass(class int, degrees float64) *Features {
	g := f.clone(func(x []float64, l int) {
		if l == class-1 {
			turn(x, degrees)
		}
	})
	turn(g.W[(class-1)*g.D:class*g.D], degrees)
	return g
}

// LongerW multiplies the classifier's vector of one class, counted from 1.
func (f *Features) LongerW(class int, factor float64) *Features {
	g := f.clone(func([]float64, int) {})
	for j := range g.D {
		g.W[(class-1)*g.D+j] *= factor
	}
	return g
}

func turn(x []float64, degrees float64) {
	s, c := math.Sincos(degrees * math.Pi / 180)
	x[0], x[1] = c*x[0]-s*x[1], s*x[0]+c*x[1]
}

// Classifier returns the classifier as package nc takes it.
func (f *Features) Classifier() nc.Classifier { return nc.Classifier{K: f.K, D: f.D, W: f.W} }

// Measure measures the collapse.
func (f *Features) Measure() (*nc.Summary, error) {
	return nc.Measure(nc.Slices(f.X, f.Labels), f.Classifier(), nc.Options{})
}

// Picture draws features in the plane, or the first two coordinates of others, with the
// classifier's vectors and NC1 to NC3 in the caption.
func (f *Features) Picture() (*figures.Figure, error) {
	if f.D < 2 {
		return nil, fmt.Errorf("toy: features of %d dimension; a picture needs at least 2", f.D)
	}
	s, err := f.Measure()
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("NC1 = %.4f, NC2 = %.4f, NC3 = %.4f; samples nearest to another class's mean: %.1f %%", s.NC1,
		s.NC2, s.NC3, 100*s.NCCError)
	return figures.Plane(figures.Cloud{Title: fmt.Sprintf("%d classes in the plane", f.K), Caption: text + ".",
		Alt:    fmt.Sprintf("Samples of %d classes as dots, the classifier's vectors as lines from 0.", f.K),
		Points: firstTwo(f.X, f.D), Labels: f.Labels, Arrows: firstTwo(f.W, f.D), Reach: 2})
}

// firstTwo returns the first two of each d coordinates.
func firstTwo(x []float64, d int) []float64 {
	var out []float64
	for i := 0; i < len(x); i += d {
		out = append(out, x[i], x[i+1])
	}
	return out
}
