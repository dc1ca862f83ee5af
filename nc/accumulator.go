package nc

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// GlobalMean chooses h_G where the classes are not equally large.
type GlobalMean int

const (
	OverSamples GlobalMean = iota // the mean of all samples, the paper's
	OverClasses                   // the mean of the class means
)

// String returns samples or classes.
func (g GlobalMean) String() string {
	if g == OverClasses {
		return "classes"
	}
	return "samples"
}

// ParseGlobalMean returns the GlobalMean of a name, samples or classes.
func ParseGlobalMean(name string) (GlobalMean, error) {
	for _, g := range []GlobalMean{OverSamples, OverClasses} {
		if name == g.String() {
			return g, nil
		}
	}
	return 0, fmt.Errorf("nc: global mean over %q; known are samples, classes", name)
}

// maxBytes bounds what an Accumulator may hold, so that a wrong number of
// classes is an error and not the end of the machine.
const maxBytes = 16 << 30

// wellConditioned is the condition number of a Gram matrix of H̄ up to which NC1 is
// taken through its Cholesky factor instead of the singular value decomposition of
// H̄, which takes many times as long for many classes. It is the square of σ_1/σ_r,
// and the error of that way is as many roundings.
const wellConditioned = 1e5

// Accumulator measures a stream of features in two passes; see the package's
// example. It is not safe for concurrent use: give each goroutine its own.
//
// The first pass keeps the class sums in double-double arithmetic, so that the
// means do not depend on the order of the samples and survive a common offset
// which is large beside the distances between classes.
type Accumulator struct {
	// Global chooses h_G. It is read by BeginSecond; a change after it has no effect.
	Global GlobalMean

	k, d  int
	n     int64
	count []int64   // K
	high  []float64 // K×d, class sums
	low   []float64 // K×d, what rounding took from them

	*frame            // nil in the first pass
	n2      int64     // samples of the second pass
	count2  []int64   // K
	scatter []exact   // K, scale²·Σ‖h−h̄_k‖²
	within  []exact   // K, Σ Σ_r (u_rᵀ(h−h̄_k)/σ_r)²
	drift   []float64 // K×d, scale·Σ(h−h̄_k), 0 where both passes saw the same
	wrong   []int64   // K, samples nearer to another class's mean
	misled  []int64   // K, samples that the classifier gives to another class
	apart   []int64   // K, samples on which nearest mean and classifier disagree

	rows   int       // samples worked on at once
	block  []float64 // rows×d
	narrow []float32 // rows×d, block in float32, where the classifier is
	dots   []float64 // rows×K
	logits []float64 // rows×K, where there is a classifier
	proj   []float64 // rows×len of a projection
	square []float64 // rows, squared norms of block
	pred   []int32   // rows, nearest class
	class  []int32   // rows, the classifier's class
}

// frame is what BeginSecond fixes. Forks share it.
type frame struct {
	over     GlobalMean
	scale    float64   // power of two that brings H̄ near 1: no square over- or underflows
	mean     []float64 // K×d, h̄_k
	global   []float64 // d, h_G
	centred  []float64 // K×d, scale·(h̄_k − h_G)
	norm2    []float64 // K, squared norms of centred
	longest  float64   // the largest of their roots
	dist2    []float64 // K×K, scale²·‖h̄_j − h̄_k‖²
	rank     int
	singular []float64 // singular values of scale·H̄, falling; see singularValues
	// tr(Σ_k (H̄H̄ᵀ)†) is the mean of ‖lower·p‖² over class k, with p the products of
	// scale·(h−h̄_k) with the rows of centred (K), or scale·(h−h̄_k) itself where
	// d < K; or that of ‖dirs·(h−h̄_k)‖².
	gram  *mat.SymDense // H̄ᵀH̄ (K×K), or H̄H̄ᵀ (d×d) where d < K
	lower []float64     // of gram's order, lower triangular; nil where dirs are used
	dirs  []float64     // rank×d

	clf        *Classifier
	meanLogits []float64 // K×K, row k: the classifier's logits of h̄_k
	// The classifier's weight in float32, over a power of two that brings it near
	// 1, where the processor has a kernel for that: a decision is made in float32,
	// and in float64 only where float32 leaves it open.
	single      []float32 // K×d
	singleScale float64
	longestRow  float64 // of the rows of single
}

// NewAccumulator returns an accumulator for labels 0…k−1 and features of
// dimension d. It is an error if k or d is less than 1 or if the O(K·d + K²)
// memory would be over 16 GiB.
func NewAccumulator(k, d int) (*Accumulator, error) {
	if err := checkSize(k, d); err != nil {
		return nil, err
	}
	return &Accumulator{
		k: k, d: d,
		count: make([]int64, k), high: make([]float64, k*d), low: make([]float64, k*d),
	}, nil
}

// checkSize reports K and d that are not sizes or need too much memory.
func checkSize(k, d int) error {
	if k < 1 || d < 1 {
		return fmt.Errorf("nc: want at least one class and one dimension, found K = %d, d = %d", k, d)
	}
	if need := 8 * (8*float64(k)*float64(d) + 7*float64(k)*float64(k)); need > maxBytes {
		return fmt.Errorf("nc: K = %d classes of d = %d dimensions need %.0f GiB, more than %d; are the labels class numbers?",
			k, d, need/(1<<30), maxBytes>>30)
	}
	return nil
}

// K returns the number of classes.
func (a *Accumulator) K() int { return a.k }

// D returns the dimension of the features.
func (a *Accumulator) D() int { return a.d }

// Add takes a batch of the first pass: features are B×d row-major, labels B
// numbers in 0…K−1. A label out of range, a NaN or an infinity is an error that
// names the sample, counted from 0 over all batches; nothing of the batch is
// added then.
func (a *Accumulator) Add(features []float32, labels []int32) error {
	return add(a, features, labels)
}

// Add64 is Add for features in float64.
func (a *Accumulator) Add64(features []float64, labels []int32) error {
	return add(a, features, labels)
}

func add[F float32 | float64](a *Accumulator, features []F, labels []int32) error {
	if a.frame != nil {
		return errors.New("nc: Add after BeginSecond; the second pass takes AddSecond")
	}
	if err := check(a, a.n, features, labels); err != nil {
		return err
	}
	d := a.d
	// Each goroutine has columns of its own, so the sums do not depend on how
	// many there are.
	parallel(d, len(features), func(from, to int) {
		for i, y := range labels {
			row := features[i*d+from : i*d+to]
			high := a.high[int(y)*d+from:][:len(row)]
			low := a.low[int(y)*d+from:][:len(row)]
			for j, x := range row {
				s, e := twoSum(high[j], float64(x))
				high[j] = s
				low[j] += e
			}
		}
	})
	for _, y := range labels {
		a.count[y]++
	}
	a.n += int64(len(labels))
	return nil
}

// check reports what is wrong with a batch whose first sample is number base.
func check[F float32 | float64](a *Accumulator, base int64, features []F, labels []int32) error {
	if len(features) != len(labels)*a.d {
		return fmt.Errorf("nc: batch has %d features for %d labels, want %d·d = %d (d = %d)",
			len(features), len(labels), len(labels), len(labels)*a.d, a.d)
	}
	for i, y := range labels {
		if y < 0 || int(y) >= a.k {
			return fmt.Errorf("nc: label of sample %d is %d, want 0 to K−1 = %d", base+int64(i), y, a.k-1)
		}
	}
	return checkFinite(a.d, base, features)
}

// checkFinite names the first feature that is not a finite number.
func checkFinite[F float32 | float64](d int, base int64, features []F) error {
	bad := parallelFirst(len(features), func(from, to int) int {
		for i, x := range features[from:to] {
			if x-x != 0 { // NaN and infinities only
				return from + i
			}
		}
		return -1
	})
	if bad >= 0 {
		return fmt.Errorf("nc: feature %d of sample %d is %v; features must be finite numbers", bad%d, base+int64(bad/d), features[bad])
	}
	return nil
}

// BeginSecond ends the first pass: it fixes the means and takes the singular
// value decomposition of H̄. A class without a sample is an error that names it.
func (a *Accumulator) BeginSecond() error {
	if a.frame != nil {
		return errors.New("nc: BeginSecond was called before")
	}
	if err := a.checkClasses(); err != nil {
		return err
	}
	k, d := a.k, a.d
	f := &frame{over: a.Global, mean: make([]float64, k*d), global: make([]float64, d), centred: make([]float64, k*d), scale: 1}
	var largest float64
	column, rest := make([]float64, k), make([]float64, k)
	for j := range d {
		f.global[j] = a.column(j, column, rest)
		if math.IsNaN(f.global[j]) || math.IsInf(f.global[j], 0) {
			return fmt.Errorf("nc: the sums of dimension %d overflow float64; divide the features by a constant", j)
		}
		for c, v := range column {
			f.mean[c*d+j] = (a.high[c*d+j] + a.low[c*d+j]) / float64(a.count[c])
			f.centred[c*d+j] = v
			largest = max(largest, math.Abs(v))
		}
	}
	if largest > 0 {
		_, e := math.Frexp(largest)
		f.scale = math.Ldexp(1, -min(max(e, -1000), 1000))
	}
	floats.Scale(f.scale, f.centred)
	dots := make([]float64, k*k)
	product(k, k, d, f.centred, f.centred, dots)
	f.distances(k, d, dots)
	if err := a.decompose(f, dots); err != nil {
		return err
	}
	a.start(f)
	return nil
}

// column writes h̄_k − h_G in dimension j to high and what rounding took from it
// to low, for each class, and returns h_G. The differences keep all their digits
// whatever offset the features have.
func (a *Accumulator) column(j int, high, low []float64) (global float64) {
	// The class means as a double each and the rest, relative to one near all.
	about := a.high[j] / float64(a.count[0])
	var sum exact
	var total float64
	for c := range a.k {
		n, s := float64(a.count[c]), a.high[c*a.d+j]
		m := s / n
		diff, e := twoSum(m, -about)
		high[c], low[c] = twoSum(diff, e+(math.FMA(-m, n, s)+a.low[c*a.d+j])/n)
		weight := n
		if a.Global == OverClasses {
			weight = 1
		}
		sum.addProduct(weight, high[c])
		sum.add(weight * low[c])
		total += weight
	}
	s, e := twoSum(sum.high, sum.low)
	g := s / total
	gLow := (math.FMA(-g, total, s) + e) / total
	for c := range a.k {
		diff, e := twoSum(high[c], -g)
		high[c], low[c] = twoSum(diff, e+(low[c]-gLow))
	}
	return about + g
}

// start makes room for the sums of the second pass.
func (a *Accumulator) start(f *frame) {
	a.frame = f
	a.count2 = make([]int64, a.k)
	a.scatter = make([]exact, a.k)
	a.within = make([]exact, a.k)
	a.drift = make([]float64, a.k*a.d)
	a.wrong = make([]int64, a.k)
	a.misled = make([]int64, a.k)
	a.apart = make([]int64, a.k)
	a.rows = min(max(1<<18/a.d, 16), 4096)
}

// SetClassifier has the second pass compare the nearest class mean of each
// sample with the classifier's decision (NC4); without it that figure is not
// defined. It is called between BeginSecond and the first AddSecond or Fork. The
// classifier is read until the second pass ends.
func (a *Accumulator) SetClassifier(c *Classifier) error {
	if a.frame == nil || a.n2 > 0 {
		return errors.New("nc: SetClassifier belongs between BeginSecond and the first AddSecond")
	}
	if err := c.check(a.k, a.d); err != nil {
		return err
	}
	f := *a.frame
	f.clf = c
	f.meanLogits = make([]float64, a.k*a.k)
	product(a.k, a.k, a.d, f.mean, c.W, f.meanLogits)
	for i := range f.meanLogits {
		if c.B != nil {
			f.meanLogits[i] += c.B[i%a.k]
		}
	}
	f.narrowWeight(a.k, a.d)
	a.frame, a.square = &f, nil // the buffers need more now
	return nil
}

// narrowWeight sets single and what belongs to it.
func (f *frame) narrowWeight(k, d int) {
	f.single = nil
	largest := 0.0
	for _, v := range f.clf.W {
		largest = max(largest, math.Abs(v))
	}
	if !hasKernel || largest == 0 {
		return
	}
	_, e := math.Frexp(largest)
	f.singleScale = math.Ldexp(1, e)
	f.single = make([]float32, k*d)
	f.longestRow = 0
	for c := range k {
		var sum float64
		for j := c * d; j < (c+1)*d; j++ {
			v := math.Ldexp(f.clf.W[j], -e)
			f.single[j] = float32(v)
			sum += v * v
		}
		f.longestRow = max(f.longestRow, math.Sqrt(sum))
	}
}

// checkClasses names the classes that have no sample.
func (a *Accumulator) checkClasses() error {
	if a.n == 0 {
		return errors.New("nc: no samples were added")
	}
	var empty []int
	for c, n := range a.count {
		if n == 0 {
			empty = append(empty, c)
		}
	}
	if empty != nil {
		return &EmptyClassError{Classes: empty, K: a.k}
	}
	return nil
}

// EmptyClassError says which of the K classes have no sample, so that their
// means are not defined.
type EmptyClassError struct {
	Classes []int
	K       int
}

func (e *EmptyClassError) Error() string {
	names := strings.Trim(fmt.Sprint(e.Classes[:min(len(e.Classes), 10)]), "[]")
	names = strings.ReplaceAll(names, " ", ", ")
	switch {
	case len(e.Classes) == 1:
		return fmt.Sprintf("nc: class %s of %d has no sample; its mean is not defined", names, e.K)
	case len(e.Classes) > 10:
		return fmt.Sprintf("nc: %d of %d classes have no sample (%s, …); is K right?", len(e.Classes), e.K, names)
	}
	return fmt.Sprintf("nc: classes %s of %d have no sample; their means are not defined", names, e.K)
}

// distances fills norm2 and dist2 from the K×K products of the centred means. Near
// means, whose distance would lose digits in that difference, are subtracted first.
func (f *frame) distances(k, d int, dots []float64) {
	f.norm2 = make([]float64, k)
	f.dist2 = make([]float64, k*k)
	for i := range k {
		f.norm2[i] = dots[i*k+i]
		f.longest = max(f.longest, math.Sqrt(f.norm2[i]))
	}
	parallel(k, k*k*d/2, func(from, to int) {
		for i := from; i < to; i++ {
			for j := range k {
				sum := f.norm2[i] + f.norm2[j]
				v := sum - 2*dots[i*k+j]
				if v < 0.05*sum {
					v = squaredDistance(f.centred[i*d:(i+1)*d], f.centred[j*d:(j+1)*d])
				}
				f.dist2[i*k+j] = v
			}
		}
	})
}

// decompose finds the rank of H̄ and what projects on its directions: those with
// σ_r > σ_1·max(d,K)·2⁻⁵², at most K−1, since Σ_k n_k (h̄_k − h_G) = 0 takes one
// away.
func (a *Accumulator) decompose(f *frame, dots []float64) error {
	k, d := a.k, a.d
	if k == 1 {
		f.singular = []float64{0}
		return nil
	}
	if a.factor(f, dots) {
		return nil
	}
	f.gram = nil
	var svd mat.SVD
	if !svd.Factorize(mat.NewDense(k, d, f.centred), mat.SVDThin) {
		return errors.New("nc: the singular value decomposition of the class means did not converge")
	}
	f.singular = svd.Values(nil)
	least := f.singular[0] * float64(max(d, k)) * 0x1p-52
	for f.rank < min(d, k-1) && f.singular[f.rank] > least {
		f.rank++
	}
	if f.rank == 0 {
		return nil
	}
	var v mat.Dense // centred is K×d, the transpose of H̄: its left vectors are V
	svd.UTo(&v)
	if a.refine(f, &v) {
		return nil
	}
	var u mat.Dense
	svd.VTo(&u)
	f.dirs = make([]float64, f.rank*d)
	for r := range f.rank {
		for j := range d {
			f.dirs[r*d+j] = u.At(j, r) / f.singular[r]
		}
	}
	return nil
}

// factor sets gram and lower, and returns false where H̄ has not full rank or is
// not well-conditioned.
//
// Where d < K, (H̄H̄ᵀ)⁻¹ = L⁻ᵀL⁻¹ with L the Cholesky factor. Else, with p = H̄ᵀx,
// xᵀ(H̄H̄ᵀ)†x = ‖(H̄ᵀH̄)†p‖². H̄ᵀH̄ has the null vector v of the class weights, since
// H̄v = 0; with a multiple of vvᵀ added it has an inverse, which on p is the
// pseudo-inverse, as vᵀp = 0. An orthogonal factor makes the inverse triangular.
func (a *Accumulator) factor(f *frame, dots []float64) bool {
	k, d := a.k, a.d
	n := min(k, d)
	regular := mat.NewSymDense(n, nil)
	if d < k {
		f.gram = mat.NewSymDense(d, nil)
		f.gram.SymOuterK(1, mat.NewDense(k, d, f.centred).T())
		regular.CopySym(f.gram)
	} else {
		f.gram = mat.NewSymDense(k, dots)
		null := mat.NewVecDense(k, nil)
		for c, n := range a.count {
			if null.SetVec(c, 1); f.over == OverSamples {
				null.SetVec(c, float64(n))
			}
		}
		null.ScaleVec(1/null.Norm(2), null)
		regular.SymRankOne(f.gram, mat.Trace(f.gram)/float64(k-1), null)
	}
	var chol mat.Cholesky
	if !chol.Factorize(regular) || !(chol.Cond() <= wellConditioned) {
		return false
	}
	out := make([]float64, n*n)
	if d < k {
		var factor, lower mat.TriDense
		chol.LTo(&factor)
		if err := lower.InverseTri(&factor); err != nil {
			return false
		}
		for i := range n {
			for j := range i + 1 {
				out[i*n+j] = lower.At(i, j)
			}
		}
	} else {
		var inverse mat.SymDense
		if err := chol.InverseTo(&inverse); err != nil {
			return false
		}
		// The orthogonal factor gives an upper triangle; with columns and rows in
		// reverse it is a lower one.
		reversed := mat.NewDense(n, n, nil)
		for i := range n {
			for j := range n {
				reversed.Set(i, j, inverse.At(i, n-1-j))
			}
		}
		var qr mat.QR
		qr.Factorize(reversed)
		var upper mat.Dense
		qr.RTo(&upper)
		for i := range n {
			for j := range i + 1 {
				out[i*n+j] = upper.At(n-1-i, n-1-j)
			}
		}
	}
	f.rank, f.lower = min(d, k-1), out
	return true
}

// singularValues returns the singular values of scale·H̄, falling; those after rank
// are 0 up to rounding.
func (f *frame) singularValues() ([]float64, error) {
	if f.singular == nil {
		full := mat.DenseCopyOf(f.gram) // eigenvalues overwrites it
		n, _ := full.Dims()
		values, _, ok := eigenvalues(n, full.RawMatrix().Data, 0)
		if !ok {
			return nil, errors.New("nc: the eigenvalues of the class means' products did not converge")
		}
		for i, v := range values {
			values[i] = math.Sqrt(max(v, 0))
		}
		f.singular = values
	}
	return f.singular, nil
}

// refine finds dirs where H̄ is ill-conditioned. Rounding alone, of H̄ or in its
// decomposition, moves a small σ_r by σ_1 roundings. But VᵀH̄ᵀ, with H̄ in
// double-double arithmetic, has rows of about σ_r u_r that are right to their own
// size, and whatever V has lost, those rows T span what H̄ does:
// tr(Σ_W (H̄H̄ᵀ)†) is the mean of ‖(TTᵀ)⁻¹T(h−h̄_k)‖². With the rows scaled to
// length 1, TTᵀ is near I, unless σ_r is so small that V has lost its row: then
// refine returns false.
func (a *Accumulator) refine(f *frame, v *mat.Dense) bool {
	k, d, r := a.k, a.d, f.rank
	t := mat.NewDense(r, d, nil)
	parallel(d, d*k*r, func(from, to int) {
		high, low := make([]float64, k), make([]float64, k)
		for j := from; j < to; j++ {
			a.column(j, high, low)
			for i := range r {
				var sum exact
				for c := range k {
					x := v.At(c, i)
					sum.addProduct(x, high[c]*f.scale)
					sum.low += x * (low[c] * f.scale)
				}
				t.Set(i, j, sum.value())
			}
		}
	})
	lengths := make([]float64, r)
	for i := range r {
		row := t.RawRowView(i)
		lengths[i] = floats.Norm(row, 2)
		if lengths[i] == 0 {
			return false
		}
		floats.Scale(1/lengths[i], row)
	}
	var gram mat.SymDense
	gram.SymOuterK(1, t)
	var chol mat.Cholesky
	if !chol.Factorize(&gram) || chol.Cond() > 1e3 {
		return false
	}
	var dirs mat.Dense
	if err := chol.SolveTo(&dirs, t); err != nil {
		return false
	}
	for i := range r {
		floats.Scale(1/lengths[i], dirs.RawRowView(i))
	}
	f.dirs = dirs.RawMatrix().Data
	return true
}

// AddSecond takes a batch of the second pass, which must see the samples of the
// first once more, in any order and in batches of any size. The arguments and
// errors are those of Add.
func (a *Accumulator) AddSecond(features []float32, labels []int32) error {
	return addSecond(a, features, labels)
}

// AddSecond64 is AddSecond for features in float64.
func (a *Accumulator) AddSecond64(features []float64, labels []int32) error {
	return addSecond(a, features, labels)
}

func addSecond[F float32 | float64](a *Accumulator, features []F, labels []int32) error {
	if a.frame == nil {
		return errors.New("nc: AddSecond before BeginSecond, which fixes the class means")
	}
	if err := check(a, a.n2, features, labels); err != nil {
		return err
	}
	for len(labels) > 0 {
		n := min(a.rows, len(labels))
		second(a, features[:n*a.d], labels[:n])
		features, labels = features[n*a.d:], labels[n:]
	}
	return nil
}

// second adds at most a.rows samples.
func second[F float32 | float64](a *Accumulator, features []F, labels []int32) {
	k, d, n := a.k, a.d, len(labels)
	a.buffers(n)
	parallel(d, len(features), func(from, to int) {
		for i, y := range labels {
			row := features[i*d+from : i*d+to]
			mean := a.mean[int(y)*d+from:][:len(row)]
			drift := a.drift[int(y)*d+from:][:len(row)]
			out := a.block[i*d+from:][:len(row)]
			for j, x := range row {
				v := (float64(x) - mean[j]) * a.scale
				out[j] = v
				drift[j] += v
			}
			if a.narrow != nil {
				narrow := a.narrow[i*d+from:][:len(row)]
				for j, v := range out {
					narrow[j] = float32(v)
				}
			}
		}
	})
	product(n, k, d, a.block, a.centred, a.dots)
	parallel(n, n*(d+4*k), func(from, to int) {
		for i := from; i < to; i++ {
			row := a.block[i*d : (i+1)*d]
			a.square[i] = floats.Dot(row, row)
			a.pred[i] = a.nearest(row, a.dots[i*k:(i+1)*k], a.square[i], int(labels[i]))
		}
	})
	if a.clf != nil {
		a.classify(labels)
	}
	width := a.projection()
	switch {
	case width == 0:
	case a.lower == nil:
		product(n, width, d, a.block, a.dirs, a.proj)
	case d < k:
		lowerProduct(n, width, a.block, a.lower, a.proj)
	default:
		lowerProduct(n, width, a.dots, a.lower, a.proj)
	}
	for i, y := range labels {
		a.scatter[y].add(a.square[i])
		p := a.proj[i*width : (i+1)*width]
		a.within[y].add(floats.Dot(p, p))
		if a.pred[i] != y {
			a.wrong[y]++
		}
		if a.clf != nil && a.class[i] != y {
			a.misled[y]++
		}
		if a.clf != nil && a.class[i] != a.pred[i] {
			a.apart[y]++
		}
		a.count2[y]++
	}
	a.n2 += int64(n)
}

// projection returns how many numbers a sample's projection has.
func (f *frame) projection() int {
	if f.lower != nil {
		return min(len(f.centred)/len(f.norm2), len(f.norm2))
	}
	return f.rank
}

// classify fills class with the classifier's decisions on the block, of equal
// logits the lowest class. W·h + b is taken as W·(h−h̄_y) + (W·h̄_y + b).
func (a *Accumulator) classify(labels []int32) {
	k, d, n := a.k, a.d, len(labels)
	unit := 1 / a.scale // of a logit
	if a.single != nil {
		tiles(n, k, d, a.narrow, a.single, a.logits, func(int) int { return d })
		unit *= a.singleScale
	} else {
		product(n, k, d, a.block, a.clf.W, a.logits)
	}
	parallel(n, n*k*2, func(from, to int) {
		for i := from; i < to; i++ {
			mean := a.meanLogits[int(labels[i])*k:][:k]
			logits := a.logits[i*k : (i+1)*k]
			most := math.Inf(-1)
			a.class[i] = 0
			for c, z := range logits {
				z = z*unit + mean[c]
				logits[c] = z
				if z > most {
					most, a.class[i] = z, int32(c)
				}
			}
			if a.single != nil {
				// The last term is for numbers that underflow in float32.
				length := math.Sqrt(a.square[i])
				a.class[i] = a.settle(i, mean, logits, most-2*unit*a.longestRow*(singleError*length+0x1p-120), a.class[i], length)
			}
		}
	})
}

// settle returns the classifier's decision on sample i of the block, whose logits
// are known to an error: those of at least limit are computed in float64 if there
// is more than one, or all if the sample, of that length, overflows float32.
func (a *Accumulator) settle(i int, mean, logits []float64, limit float64, best int32, length float64) int32 {
	all := !(length < 0x1p100)
	rivals := 0
	for _, z := range logits {
		if z >= limit {
			rivals++
		}
	}
	if rivals < 2 && !all {
		return best
	}
	most := math.Inf(-1)
	row := a.block[i*a.d : (i+1)*a.d]
	for c, z := range logits {
		if z >= limit || all {
			if z := floats.Dot(row, a.clf.W[c*a.d:(c+1)*a.d])/a.scale + mean[c]; z > most {
				most, best = z, int32(c)
			}
		}
	}
	return best
}

// NearestMean writes to out, for each of the B samples (features are B×d
// row-major), the class whose training mean h̄_k is nearest in Euclidean
// distance; of equally near ones the lowest. It may be called at any time after
// BeginSecond, for test samples as well. A NaN or an infinity is an error that
// names the sample, counted in this call.
func (a *Accumulator) NearestMean(features []float32, out []int32) error {
	return nearestMean(a, features, out)
}

// NearestMean64 is NearestMean for features in float64.
func (a *Accumulator) NearestMean64(features []float64, out []int32) error {
	return nearestMean(a, features, out)
}

func nearestMean[F float32 | float64](a *Accumulator, features []F, out []int32) error {
	if a.frame == nil {
		return errors.New("nc: NearestMean before BeginSecond, which fixes the class means")
	}
	k, d := a.k, a.d
	if len(features) != len(out)*d {
		return fmt.Errorf("nc: %d features for %d answers, want %d·d = %d (d = %d)", len(features), len(out), len(out), len(out)*d, d)
	}
	if err := checkFinite(d, 0, features); err != nil {
		return err
	}
	for len(out) > 0 {
		n := min(a.rows, len(out))
		a.buffers(n)
		parallel(n, n*d, func(from, to int) {
			for i := from; i < to; i++ {
				for j, x := range features[i*d : (i+1)*d] {
					a.block[i*d+j] = (float64(x) - a.global[j]) * a.scale
				}
			}
		})
		product(n, k, d, a.block, a.centred, a.dots)
		parallel(n, n*(d+4*k), func(from, to int) {
			for i := from; i < to; i++ {
				row := a.block[i*d : (i+1)*d]
				out[i] = a.nearest(row, a.dots[i*k:(i+1)*k], floats.Dot(row, row), -1)
			}
		})
		features, out = features[n*d:], out[n:]
	}
	return nil
}

// nearest returns the class whose mean is nearest to a sample x that is given
// relative to the mean of class y, or to the global mean if y < 0. square is
// ‖x‖², dots are its products with the centred means. ‖x−m_k‖² is compared
// through ‖m_k‖² − 2x·m_k; means that rounding does not let this tell apart are
// compared by the differences themselves.
func (a *Accumulator) nearest(x, dots []float64, square float64, y int) int32 {
	base := a.norm2
	if y >= 0 {
		base = a.dist2[y*a.k : (y+1)*a.k]
	}
	best, least := 0, base[0]-2*dots[0]
	for c, p := range dots {
		if v := base[c] - 2*p; v < least {
			best, least = c, v
		}
	}
	limit := least + 16*float64(a.d)*0x1p-53*a.longest*(math.Sqrt(square)+a.longest)
	rivals := 0
	for c, p := range dots {
		if base[c]-2*p <= limit {
			rivals++
		}
	}
	if rivals < 2 {
		return int32(best)
	}
	closest := math.Inf(1)
	for c, p := range dots {
		if base[c]-2*p <= limit {
			if v := a.distance2(x, c, y); v < closest {
				best, closest = c, v
			}
		}
	}
	return int32(best)
}

// distance2 returns the squared distance of x, given as in nearest, to the mean
// of class c.
func (a *Accumulator) distance2(x []float64, c, y int) float64 {
	m := a.centred[c*a.d : (c+1)*a.d]
	if y < 0 {
		return squaredDistance(x, m)
	}
	var s float64
	for j, own := range a.centred[y*a.d : (y+1)*a.d] {
		v := x[j] - (m[j] - own)
		s += v * v
	}
	return s
}

// buffers makes room for n samples, at most a.rows.
func (a *Accumulator) buffers(n int) {
	if len(a.square) >= n {
		return
	}
	a.block = make([]float64, n*a.d)
	a.dots = make([]float64, n*a.k)
	a.proj = make([]float64, n*a.projection())
	a.square = make([]float64, n)
	a.pred = make([]int32, n)
	if a.clf != nil {
		a.logits = make([]float64, n*a.k)
		if a.single != nil {
			a.narrow = make([]float32, n*a.d)
		}
		a.class = make([]int32, n)
	}
}
