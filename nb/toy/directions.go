package toy

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gocollapse/collapse/figures"
)

// Directions are K vectors of length 1 in D dimensions.
type Directions struct {
	K, D int
	V    []float64 // K×D row-major
}

// ETF returns the directions of a simplex ETF, the corners of Corners(k).
func ETF(k int) Directions { return Directions{K: k, D: k - 1, V: Corners(k)} }

// RandomDirections returns k directions in d dimensions, each as likely as any other.
func RandomDirections(k, d int, seed uint64) Directions {
	random := rand.New(rand.NewPCG(seed, 1))
	a := Directions{K: k, D: d, V: make([]float64, k*d)}
	for i := range k {
		v := a.V[i*d : (i+1)*d]
		var square float64
		for j := range v {
			v[j] = random.NormFloat64()
			square += v[j] * v[j]
		}
		for j := range v {
			v[j] /= math.Sqrt(square)
		}
	}
	return a
}

// OnCircle returns k directions in the plane at equal angles.
func OnCircle(k int) Directions {
	a := Directions{K: k, D: 2}
	for i := range k {
		s, c := math.Sincos(2 * math.Pi * float64(i) / float64(k))
		a.V = append(a.V, c, s)
	}
	return a
}

// LargestCosine is the cosine of the two directions that are nearest to each other. The smaller, the
// further they are apart.
func (a Directions) LargestCosine() float64 {
	largest := math.Inf(-1)
	for i := range a.K {
		for j := range i {
			var dot float64
			for c := range a.D {
				dot += a.V[i*a.D+c] * a.V[j*a.D+c]
			}
			largest = max(largest, dot)
		}
	}
	return largest
}

// SumLength is the length of the sum of the directions, 0 for a simplex ETF.
func (a Directions) SumLength() float64 {
	var square float64
	for c := range a.D {
		var sum float64
		for i := range a.K {
			sum += a.V[i*a.D+c]
		}
		square += sum * sum
	}
	return math.Sqrt(square)
}

// Angles tells of simplices of several K: dimensions, cosine and angle between two corners, and
// their distance.
func Angles(ks ...int) *figures.Table {
	t := &figures.Table{Title: "Simplices of K corners on the unit sphere",
		Header: []string{"K", "dimensions", "cosine", "angle (°)", "distance"}}
	for _, k := range ks {
		c := ETF(k).LargestCosine()
		t.Rows = append(t.Rows, []string{fmt.Sprint(k), fmt.Sprint(k - 1), fmt.Sprintf("%.4f", c),
			fmt.Sprintf("%.2f", math.Acos(c)*180/math.Pi), fmt.Sprintf("%.4f", math.Sqrt(2-2*c))})
	}
	return t
}

// Tetrahedron draws the simplex ETF of four classes, which stands in space, seen from the side after
// a turn around its vertical axis.
func Tetrahedron(degrees float64) (*figures.Figure, error) {
	v := Corners(4)
	var seen []float64
	var edges [][2]int
	for i := range 4 {
		x, y, up := v[3*i+1], v[3*i+2], v[3*i] // the first corner points up
		p := []float64{x, y}
		turn(p, degrees)
		// A view from a little above, so that all four are seen.
		const tilt = 0.3
		seen = append(seen, p[0], up*math.Cos(tilt)+p[1]*math.Sin(tilt))
		for j := range i {
			edges = append(edges, [2]int{j, i})
		}
	}
	return figures.Plane(figures.Cloud{
		Title:   fmt.Sprintf("Four classes in space, turned by %g°", degrees),
		Caption: "The pale lines join the corners. All six angles are 109.47°.",
		Alt:     "Four lines from one point to the corners of a regular tetrahedron.",
		Arrows:  seen, Edges: edges, Reach: 1.3})
}
