package nc

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// sample is a data set in memory: features N×d, labels, and a classifier.
type sample struct {
	k, d int
	x    []float64
	y    []int32
	clf  *Classifier
}

// random returns a sample with counts[k] samples of class k around Gaussian means.
func random(rng *rand.Rand, d int, counts []int, noise, offset float64) sample {
	k := len(counts)
	s := sample{k: k, d: d, clf: &Classifier{K: k, D: d, W: make([]float64, k*d), B: make([]float64, k)}}
	means := make([]float64, k*d)
	for i := range means {
		means[i] = rng.NormFloat64() + offset
		s.clf.W[i] = 0.5*(means[i]-offset) + 0.3*rng.NormFloat64()
	}
	for c, n := range counts {
		s.clf.B[c] = rng.NormFloat64()
		for range n {
			s.y = append(s.y, int32(c))
		}
	}
	rng.Shuffle(len(s.y), func(i, j int) { s.y[i], s.y[j] = s.y[j], s.y[i] })
	for _, c := range s.y {
		for j := range d {
			s.x = append(s.x, means[int(c)*d+j]+noise*rng.NormFloat64())
		}
	}
	return s
}

// measure runs both passes in batches of the given size.
func (s sample) measure(t testing.TB, batch int) *Summary {
	t.Helper()
	sum, err := s.try(batch)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func (s sample) try(batch int) (*Summary, error) {
	sums, err := NewSums(s.k, s.d)
	if err != nil {
		return nil, err
	}
	pass := func(add func(Batch) error) error {
		for i := 0; i < len(s.y); i += batch {
			if err := add(s.batch(i, min(i+batch, len(s.y)))); err != nil {
				return err
			}
		}
		return nil
	}
	if err := pass(sums.Add); err != nil {
		return nil, err
	}
	a, err := sums.Centre(s.clf)
	if err != nil {
		return nil, err
	}
	if err := pass(a.Add); err != nil {
		return nil, err
	}
	return a.Summary()
}

// batch returns samples from…to−1.
func (s sample) batch(from, to int) Batch { return BatchOf(s.x[from*s.d:to*s.d], s.y[from:to]) }

// centred returns the second pass of the sample, before its first batch.
func (s sample) centred(t testing.TB, over GlobalMean) *Scatter {
	t.Helper()
	sums, err := NewSums(s.k, s.d)
	if err != nil {
		t.Fatal(err)
	}
	sums.Global = over
	if err := sums.Add(BatchOf(s.x, s.y)); err != nil {
		t.Fatal(err)
	}
	a, err := sums.Centre(s.clf)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// brute computes Eq 4–6, norms and NCC from their definitions: N×d in memory, the
// d×d covariances and the pseudo-inverse of Σ_B.
func (s sample) brute() *Summary {
	k, d, n := s.k, s.d, len(s.y)
	out := &Summary{}
	means, global, counts := make([]float64, k*d), make([]float64, d), make([]float64, k)
	for i, y := range s.y {
		counts[y]++
		floats.Add(means[int(y)*d:int(y+1)*d], s.x[i*d:(i+1)*d])
		floats.Add(global, s.x[i*d:(i+1)*d])
	}
	floats.Scale(1/float64(n), global)
	h := mat.NewDense(d, k, nil) // H̄
	for c := range k {
		floats.Scale(1/counts[c], means[c*d:(c+1)*d])
		for j := range d {
			h.Set(j, c, means[c*d+j]-global[j])
		}
	}
	sw, sb := mat.NewDense(d, d, nil), mat.NewDense(d, d, nil)
	sb.Mul(h, h.T())
	sb.Scale(1/float64(k), sb)
	for i, y := range s.y {
		e := make([]float64, d)
		floats.SubTo(e, s.x[i*d:(i+1)*d], means[int(y)*d:int(y+1)*d])
		sw.RankOne(sw, 1/float64(n), mat.NewVecDense(d, e), mat.NewVecDense(d, e))
		best, least := 0, math.Inf(1)
		for c := range k {
			if v := floats.Distance(s.x[i*d:(i+1)*d], means[c*d:(c+1)*d], 2); v < least {
				best, least = c, v
			}
		}
		if best != int(y) {
			out.NCCError += 1 / float64(n)
		}
	}
	var svd mat.SVD
	svd.Factorize(sb, mat.SVDThin)
	var u, v, inv mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	values := svd.Values(nil)
	for j, x := range values {
		w := 0.0
		if x > 1e-13*values[0] {
			w = 1 / x
		}
		for i := range d {
			v.Set(i, j, v.At(i, j)*w)
		}
	}
	inv.Mul(&v, u.T())
	var prod mat.Dense
	prod.Mul(sw, &inv)
	out.NC1 = mat.Trace(&prod) / float64(k)
	out.NC1Quotient = mat.Trace(sw) / mat.Trace(sb)
	s.bruteClassifier(out, h)
	return out
}

// bruteClassifier computes NC0, NC2, NC3 and the norms from their definitions.
func (s sample) bruteClassifier(out *Summary, h *mat.Dense) {
	k, d := s.k, s.d
	w := mat.NewDense(k, d, append([]float64(nil), s.clf.W...))
	var wh, diff mat.Dense
	wh.Mul(w, h)
	wh.Scale(1/mat.Norm(&wh, 2), &wh)
	for i := range k {
		for j := range k {
			eye := 0.0
			if i == j {
				eye = 1
			}
			wh.Set(i, j, wh.At(i, j)-(eye-1/float64(k))/math.Sqrt(float64(k-1)))
		}
		out.WNorm += mat.Norm(w.RowView(i), 2) / float64(k)
		out.HNorm += mat.Norm(h.ColView(i), 2) / float64(k)
	}
	out.NC2 = mat.Norm(&wh, 2)
	ones := mat.NewVecDense(k, nil)
	for i := range k {
		ones.SetVec(i, 1)
	}
	var total mat.VecDense
	total.MulVec(w.T(), ones)
	out.NC0 = mat.Norm(&total, 2)
	out.NC0Relative = out.NC0 / out.WNorm
	var wn, hn mat.Dense
	wn.Scale(1/mat.Norm(w, 2), w)
	hn.Scale(1/mat.Norm(h, 2), h.T())
	diff.Sub(&wn, &hn)
	out.NC3 = mat.Norm(&diff, 2)
	s.bruteAngles(out, w, mat.DenseCopyOf(h.T()))
}

// bruteAngles computes what depends on the directions of the rows of w and h, and
// the ranks of h, from the definitions.
func (s sample) bruteAngles(out *Summary, w, h *mat.Dense) {
	direction := func(m *mat.Dense, r int) *mat.VecDense {
		v := mat.VecDenseCopyOf(m.RowView(r))
		v.ScaleVec(1/v.Norm(2), v)
		return v
	}
	distance := func(a, b mat.Vector) float64 {
		var diff mat.VecDense
		diff.SubVec(a, b)
		return diff.Norm(2)
	}
	stats := func(v []float64) (mean, std float64) {
		mean = floats.Sum(v) / float64(len(v))
		for _, x := range v {
			std += (x - mean) * (x - mean) / float64(len(v)-1)
		}
		return mean, math.Sqrt(std)
	}
	k := s.k
	frame := func(m *mat.Dense) (f Frame) {
		var norms, cosines, distances, logs []float64
		for i := range k {
			norms = append(norms, mat.Norm(m.RowView(i), 2))
			for j := range i {
				a, b := direction(m, i), direction(m, j)
				cosines = append(cosines, mat.Dot(a, b))
				distances = append(distances, distance(a, b))
				logs = append(logs, math.Log(1/distance(a, b)))
				f.MaxAngle += math.Abs(mat.Dot(a, b)+1/float64(k-1)) * 2 / float64(k*(k-1))
			}
		}
		mean, std := stats(norms)
		f.Equinorm = std / mean
		_, f.Equiangle = stats(cosines)
		f.Distance, f.DistanceStd = stats(distances)
		if f.Uniformity, f.UniformityStd = stats(logs); math.IsInf(f.Uniformity, 0) {
			f.Uniformity, f.UniformityStd = math.NaN(), math.NaN()
		}
		return f
	}
	out.FrameW, out.FrameH = frame(w), frame(h)
	var cosines, gaps []float64
	for c := range k {
		a, b := direction(w, c), direction(h, c)
		cosines = append(cosines, mat.Dot(a, b))
		gaps = append(gaps, distance(a, b))
	}
	var std float64
	out.NC3Cosine, std = stats(cosines)
	out.UNC3 = std * std
	out.GNC3, _ = stats(gaps)
	var svd mat.SVD
	svd.Factorize(h, mat.SVDNone)
	values := svd.Values(nil)
	out.StableRank = math.Pow(mat.Norm(h, 2)/values[0], 2)
	entropy := 0.0
	for _, v := range values {
		if p := v / floats.Sum(values); p > 1e-15 {
			entropy -= p * math.Log(p)
		}
	}
	out.EffectiveRank = math.Exp(entropy)
	out.NC5 = math.NaN()
}

// scalars returns the fields of the metrics under their keys.
func (s *Summary) scalars() map[string]*float64 {
	m := map[string]*float64{}
	for _, r := range metrics {
		m[r.Key] = r.at(s)
	}
	return m
}

// same compares every metric, but those named, relative to its size; what lies
// within rounding of 0 is 0.
func same(t *testing.T, what string, got, want *Summary, tol float64, but ...string) {
	t.Helper()
	g := got.scalars()
	for name, w := range want.scalars() {
		if slices.Contains(but, name) {
			continue
		}
		if math.IsNaN(*w) && math.IsNaN(*g[name]) || *w == *g[name] {
			continue
		}
		if !(math.Abs(*g[name]-*w) <= tol*math.Abs(*w)+1e-15) {
			t.Errorf("%s: %s = %.17g, want %.17g (relative difference %.2g)", what, name, *g[name], *w,
				math.Abs(*g[name]-*w)/math.Abs(*w))
		}
	}
}

func repeat(n, k int) []int {
	counts := make([]int, k)
	for i := range counts {
		counts[i] = n
	}
	return counts
}

func TestBruteForce(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name          string
		d             int
		counts        []int
		noise, offset float64
	}{
		{"balanced", 16, repeat(50, 5), 0.7, 0},
		{"unbalanced", 12, []int{100, 3, 40, 1, 17}, 0.5, 0},
		{"two classes", 7, repeat(30, 2), 1.5, 0},
		{"d = K−1", 4, repeat(40, 5), 1, 0},
		{"d < K−1", 3, repeat(40, 8), 0.5, 0},
		{"offset", 16, repeat(50, 5), 0.7, 1000},
		{"noisy", 10, repeat(100, 10), 5, 0},
		{"one dimension", 1, repeat(20, 3), 0.5, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := random(rng, c.d, c.counts, c.noise, c.offset)
			same(t, c.name, s.measure(t, 13), s.brute(), 1e-9*(1+c.offset), "cdnv", "nc2_w", "nc2_h", "ncc_test_error",
				"nc4", "error", "bias_alignment")
		})
	}
}

func TestBatchesAndOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	s := random(rng, 9, repeat(400, 6), 1, 50)
	want := s.measure(t, len(s.y))
	for _, batch := range []int{1, 7, 128} {
		same(t, "batches", s.measure(t, batch), want, 1e-12)
	}
	shuffled := s
	shuffled.x, shuffled.y = nil, nil
	for _, i := range rng.Perm(len(s.y)) {
		shuffled.y = append(shuffled.y, s.y[i])
		shuffled.x = append(shuffled.x, s.x[i*s.d:(i+1)*s.d]...)
	}
	same(t, "order", shuffled.measure(t, 100), want, 1e-10)
}

// etf returns a sample whose classes sit exactly on a rotated simplex ETF with
// the classifier aligned to it.
func etf(rng *rand.Rand, k, d, n int, offset float64) sample {
	var qr mat.QR
	g := mat.NewDense(d, d, nil)
	for i := range d {
		for j := range d {
			g.Set(i, j, rng.NormFloat64())
		}
	}
	qr.Factorize(g)
	var q mat.Dense
	qr.QTo(&q)
	s := sample{k: k, d: d, clf: &Classifier{K: k, D: d, W: make([]float64, k*d)}}
	for c := range k {
		for j := range d {
			for r := range k {
				e := -1 / float64(k)
				if r == c {
					e++
				}
				s.clf.W[c*d+j] += 3 * e * q.At(j, r)
			}
		}
	}
	for range n {
		for c := range k {
			s.y = append(s.y, int32(c))
			for j := range d {
				s.x = append(s.x, 2*s.clf.W[c*d+j]+offset)
			}
		}
	}
	return s
}

func TestSimplexETF(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, k := range []int{2, 3, 10, 33} {
		for _, offset := range []float64{0, 7} {
			got := etf(rng, k, k+3, 21, offset).measure(t, 50)
			for name, v := range map[string]float64{"NC1": got.NC1, "NC2": got.NC2, "NC3": got.NC3,
				"NCC error": got.NCCError} {
				if !(math.Abs(v) <= 1e-12) {
					t.Errorf("K = %d, offset %v: %s = %g of a perfect collapse, want 0", k, offset, name, v)
				}
			}
			if got.Rank != k-1 {
				t.Errorf("K = %d: rank %d, want K−1", k, got.Rank)
			}
			want := 3 * math.Sqrt(float64(k-1)/float64(k))
			if math.Abs(got.WNorm-want) > 1e-12*want || math.Abs(got.HNorm-2*want) > 1e-12*want {
				t.Errorf("K = %d: norms %v and %v, want %v and %v", k, got.WNorm, got.HNorm, want, 2*want)
			}
		}
	}
}

func contains(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("want an error that says %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}
