package train

import (
	"math"
	"strconv"

	"gonum.org/v1/gonum/floats"

	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/record"
)

// maxPicture is the most classes and directions that a record.Picture holds.
const maxPicture = 20

// picture returns what a film draws of this epoch: WᵀH̄, the spectrum of Σ_B and three
// classes in their plane. It is nil where the training split has no metrics.
func (e *evaluation) picture(sum collapse, clf *nc.Classifier) *record.Picture {
	if sum.Summary == nil {
		return nil
	}
	p := &record.Picture{}
	if e.k <= maxPicture {
		p.WH = fourDigits(sum.Scatter.Geometry().WH)
	}
	p.SpectrumB = fourDigits(sum.SpectrumB[:min(len(sum.SpectrumB), maxPicture)])
	if e.plane != nil {
		p.Plane = e.plane.project(clf)
	}
	return p
}

// fourDigits returns v rounded to four significant decimal digits.
func fourDigits(v []float64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i], _ = strconv.ParseFloat(strconv.FormatFloat(x, 'g', 4, 64), 64)
	}
	return out
}

// planeSums gathers the class sums and the first samples of classes 0, 1 and 2.
type planeSums struct {
	d      int
	count  [3]float64
	sum    [3][]float64   // d
	points [3][][]float64 // at most record.PicturePoints of d
}

func newPlaneSums(d int) *planeSums {
	p := &planeSums{d: d}
	for c := range p.sum {
		p.sum[c] = make([]float64, d)
	}
	return p
}

// add takes a batch of features (B×d) and labels (B).
func (p *planeSums) add(features []float32, labels []int32) {
	for i, y := range labels {
		if int(y) >= len(p.sum) {
			continue
		}
		keep := len(p.points[y]) < record.PicturePoints
		var point []float64
		for j, v := range features[i*p.d : (i+1)*p.d] {
			p.sum[y][j] += float64(v)
			if keep {
				point = append(point, float64(v))
			}
		}
		if keep {
			p.points[y] = append(p.points[y], point)
		}
		p.count[y]++
	}
}

// project returns the classes in the plane of their means, or nil where the means lie on a
// line.
func (p *planeSums) project(clf *nc.Classifier) *record.Plane {
	origin := make([]float64, p.d)
	var means [3][]float64
	for c := range means {
		if p.count[c] == 0 {
			return nil
		}
		means[c] = make([]float64, p.d)
		floats.AddScaled(means[c], 1/p.count[c], p.sum[c])
		floats.AddScaled(origin, 1.0/3, means[c])
	}
	x, y := floats.SubTo(make([]float64, p.d), means[0], origin), floats.SubTo(make([]float64, p.d), means[1], origin)
	size := floats.Norm(x, 2) + floats.Norm(y, 2)
	if n := floats.Norm(x, 2); n > 1e-9*size {
		floats.Scale(1/n, x)
	} else {
		return nil
	}
	floats.AddScaled(y, -floats.Dot(x, y), x)
	if n := floats.Norm(y, 2); n > 1e-9*size {
		floats.Scale(1/n, y)
	} else {
		return nil
	}
	at := func(v []float64) [2]float64 {
		xy := fourDigits([]float64{floats.Dot(v, x), floats.Dot(v, y)})
		return [2]float64(xy)
	}
	out := &record.Plane{}
	for c := range means {
		out.Means[c] = at(floats.SubTo(means[c], means[c], origin))
		out.Weights[c] = at(clf.W[c*p.d : (c+1)*p.d])
		for _, point := range p.points[c] {
			out.Points[c] = append(out.Points[c], at(floats.SubTo(point, point, origin)))
		}
	}
	for _, xy := range append(out.Means[:], out.Weights[:]...) {
		if math.IsNaN(xy[0]) || math.IsInf(xy[0], 0) || math.IsNaN(xy[1]) || math.IsInf(xy[1], 0) {
			return nil // JSON has no word for them
		}
	}
	return out
}
