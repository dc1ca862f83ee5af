package ood

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gocollapse/collapse/nc"
)

// Defaults of Options.
const (
	DefaultNeighbours = 50
	DefaultBank       = 50_000
	necoShare         = 0.9
)

// Fit is what the scores take from the training samples and the classifier.
type Fit struct {
	Options
	n    int64
	d, k int
	ctx  context.Context
	clf  *nc.Classifier // or nil
	note [scores]string // why a score is not defined, or what limits it
	none [scores]bool   // the score is not defined

	means  []float64 // K×d
	mean   []float64 // d, of all samples
	within white     // Σ_W⁺
	total  white     // Σ_T⁺
	near   []float64 // K×r, the class means less the mean, whitened by Σ_W

	bank []float32 // rows of length 1 (or 0), m×d

	origin    []float64 // u of ViM
	residual  []float64 // R, rows×d
	residuals int
	Alpha     float64 // of ViM

	deviation []float64 // σ of NECO, 1 where a dimension does not vary
	principal []float64 // P, rows×d
	NecoRank  int       // rows of P

	apart []float64 // K×K, ‖w_i − w_j‖
}

// NewFit fits the scores on training samples. See Measure.
func NewFit(train nc.Source, classifier *nc.Classifier, o Options) (*Fit, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	f := &Fit{Options: o, clf: classifier, ctx: o.Context}
	if f.ctx == nil {
		f.ctx = context.Background()
	}
	if f.T == 0 {
		f.T = 1
	}
	if f.n, f.d = train.Shape(); f.n < 1 || f.d < 1 {
		return nil, fmt.Errorf("ood: there are N = %d training samples of d = %d features, want at least one of each",
			f.n, f.d)
	}
	for i, info := range infos {
		switch {
		case !o.wants(i):
			f.none[i], f.note[i] = true, "not asked for"
		case info.Classifier && classifier == nil:
			f.none[i], f.note[i] = true, "the classifier is missing: save the layer's weight (K×d) and bias (K) too"
		}
	}
	if o.NecoMaxLogit && classifier == nil && !f.none[neco] {
		f.none[neco], f.note[neco] = true, "the largest logit needs the classifier: save weight (K×d) and bias (K) too"
	}
	if err := f.classes(train); err != nil {
		return nil, err
	}
	if classifier != nil {
		if err := classifier.Decide(nc.Batch{}, nil); err != nil { // of no samples: is it a classifier?
			return nil, err
		}
	}
	cov, err := f.passes(train)
	if err != nil {
		return nil, err
	}
	return f, f.covariances(cov, train)
}

// classes finds K.
func (f *Fit) classes(train nc.Source) error {
	f.k = f.K
	if c := f.clf; c != nil {
		if c.D != f.d {
			return fmt.Errorf("ood: the classifier has d = %d dimensions, the features %d; weight must be K×d, as "+
				"PyTorch's Linear.weight, of the layer that takes these features", c.D, f.d)
		}
		if f.k != 0 && f.k != c.K {
			return fmt.Errorf("ood: the classifier has K = %d classes, Options has %d", c.K, f.k)
		}
		f.k = c.K
	}
	if f.k != 0 {
		return nil
	}
	err := train.Each(f.ctx, func(b nc.Batch) error {
		for _, y := range b.Labels {
			f.k = max(f.k, int(y)+1)
		}
		return nil
	})
	if err == nil && f.k == 0 {
		err = errors.New("ood: no training sample has a label of 0 or more")
	}
	return err
}

// passes reads the training samples twice: for the class means and the bank of k-NN, and for Σ_W.
func (f *Fit) passes(train nc.Source) (*nc.Covariance, error) {
	sums, err := nc.NewSums(f.k, f.d)
	if err != nil {
		return nil, err
	}
	bank := f.newBank()
	var base int64
	err = train.Each(f.ctx, func(b nc.Batch) error {
		if err := sums.Add(b); err != nil {
			return err
		}
		if err := bank.add(b, base, f.d); err != nil {
			return err
		}
		base += int64(len(b.Labels))
		return nil
	})
	if err != nil {
		return nil, err
	}
	f.bank = bank.rows
	scatter, err := sums.Centre(nil)
	if err != nil {
		return nil, fmt.Errorf("training samples: %w; number the classes of labels without gaps, and leave rows of "+
			"other classes out of weight", err)
	}
	if f.mean, err = sums.Mean(); err != nil {
		return nil, err
	}
	cov, err := nc.NewCovariance(scatter)
	if err != nil {
		return nil, err
	}
	f.means, _ = cov.Means()
	return cov, train.Each(f.ctx, cov.Add)
}

// bank chooses training samples.
type bank struct {
	left, want int64 // samples to come, and to choose of them
	rng        *rand.Rand
	rows       []float32
	wide       []float64
}

func (f *Fit) newBank() *bank {
	b := &bank{left: f.n, rng: rand.New(rand.NewPCG(uint64(f.Seed), 0x6b6e6e))}
	if f.none[knn] {
		return b
	}
	if f.Bank == 0 {
		f.Bank = DefaultBank
	}
	b.want = min(int64(f.Bank), f.n)
	if b.want < f.n {
		f.note[knn] = fmt.Sprintf("compared with %d of the %d training samples, drawn by the seed", b.want, f.n)
	}
	if f.Neighbours == 0 {
		f.Neighbours = int(min(DefaultNeighbours, b.want))
	}
	if int64(f.Neighbours) > b.want {
		f.none[knn], b.want = true, 0
		f.note[knn] = fmt.Sprintf("k = %d neighbours are more than the training samples compared with, %d",
			f.Neighbours, min(int64(f.Bank), f.n))
	}
	return b
}

// add chooses from a batch, so that every choice of want samples is as likely.
func (b *bank) add(batch nc.Batch, base int64, d int) error {
	if b.want == 0 {
		return nil
	}
	var err error
	if b.wide, err = batch.Widened(d, base, b.wide); err != nil {
		return err
	}
	for i := 0; i < len(b.wide); i += d {
		if b.want == b.left || b.rng.Int64N(b.left) < b.want {
			b.want--
			x := b.wide[i : i+d]
			unit(x)
			for _, v := range x {
				b.rows = append(b.rows, float32(v))
			}
		}
		b.left--
	}
	return nil
}

// unit divides a vector by its length; zero stays.
func unit(x []float64) {
	if n := floats.Norm(x, 2); n > 0 {
		floats.Scale(1/n, x)
	}
}

// covariances makes what follows from Σ_W and from Σ_T = Σ_W + Σ_B, the covariance of all samples.
func (f *Fit) covariances(cov *nc.Covariance, train nc.Source) error {
	w, err := cov.Within()
	if err != nil {
		return err
	}
	d := f.d
	total := mat.NewSymDense(d, nil)
	total.CopySym(mat.NewSymDense(d, w))
	_, count := cov.Means()
	diff := make([]float64, d)
	for k, n := range count {
		floats.SubTo(diff, f.means[k*d:(k+1)*d], f.mean)
		total.SymRankOne(total, float64(n)/float64(f.n), mat.NewVecDense(d, diff))
	}
	for i, m := range f.mean {
		// The features of such a dimension are equal: what is there is rounding of their mean.
		if total.At(i, i) <= 0x1p-90*m*m {
			for j := range d {
				total.SetSym(i, j, 0)
			}
		}
	}
	if !f.none[mahalanobis] || !f.none[relative] {
		if err := f.mahalanobis(mat.NewSymDense(d, w), total); err != nil {
			return err
		}
	}
	if !f.none[neco] {
		if err := f.neco(total); err != nil {
			return err
		}
	}
	if !f.none[fdbd] && !f.distances() {
		f.none[fdbd] = true
		f.note[fdbd] = fmt.Sprintf("K = %d: the distances of all pairs of classes would need over 2 GiB", f.k)
	}
	if f.none[vim] {
		return nil
	}
	return f.vim(total, train)
}

// mahalanobis whitens.
func (f *Fit) mahalanobis(within, total *mat.SymDense) error {
	var err error
	if f.within, err = whiten(within); err != nil {
		return fmt.Errorf("ood: Σ_W: %w", err)
	}
	if r := f.within.rank; r < f.d {
		note := fmt.Sprintf("Σ_W of the %d training samples has rank %d of d = %d: directions without spread within "+
			"classes are left out", f.n, r, f.d)
		if r == 0 {
			f.none[mahalanobis], f.none[relative] = true, true
			note = "all training samples are at their class means, so Σ_W = 0"
		}
		for _, i := range []int{mahalanobis, relative} {
			if f.wants(i) {
				f.note[i] = note
			}
		}
	}
	if f.within.rank == 0 {
		return nil
	}
	f.near = make([]float64, f.k*f.within.rank)
	centred := make([]float64, f.k*f.d)
	for k := range f.k {
		floats.SubTo(centred[k*f.d:(k+1)*f.d], f.means[k*f.d:(k+1)*f.d], f.mean)
	}
	nc.Product(f.k, f.within.rank, f.d, centred, f.within.a, f.near)
	if f.none[relative] {
		return nil
	}
	if f.total, err = whiten(total); err != nil {
		return fmt.Errorf("ood: Σ_T: %w", err)
	}
	return nil
}

// neco finds P: the directions of most variance of the features with every dimension divided by its
// standard deviation.
func (f *Fit) neco(total *mat.SymDense) error {
	d := f.d
	f.deviation = make([]float64, d)
	var largest float64
	for i := range d {
		largest = max(largest, total.At(i, i))
	}
	for i := range f.deviation {
		f.deviation[i] = 1
		if v := total.At(i, i); v > 0 {
			f.deviation[i] = math.Sqrt(v)
		}
	}
	if largest == 0 {
		f.none[neco], f.note[neco] = true, "all training samples are equal"
		return nil
	}
	standard := mat.NewSymDense(d, nil)
	for i := range d {
		for j := i; j < d; j++ {
			standard.SetSym(i, j, total.At(i, j)/f.deviation[i]/f.deviation[j])
		}
	}
	values, vectors, err := eigen(standard)
	if err != nil {
		return fmt.Errorf("ood: covariance of the standardised features: %w", err)
	}
	if f.NecoRank = min(f.NecoDim, d); f.NecoRank == 0 {
		all, sum := floats.Sum(values), 0.0
		for f.NecoRank < d && sum < necoShare*all*(1-1e-12) {
			sum += values[f.NecoRank]
			f.NecoRank++
		}
	}
	if f.NecoRank == d {
		f.note[neco] = fmt.Sprintf("P has all d = %d directions: every sample has the score 1", d)
	}
	f.principal = make([]float64, f.NecoRank*d)
	for i := range f.NecoRank {
		mat.Col(f.principal[i*d:(i+1)*d], d-1-i, vectors)
	}
	return nil
}

// distances computes ‖w_i − w_j‖, or returns false if there are too many.
func (f *Fit) distances() bool {
	k, d := f.k, f.d
	if k > 1<<14 {
		return false
	}
	f.apart = make([]float64, k*k)
	for i := range k {
		for j := range i {
			v := floats.Distance(f.clf.W[i*d:(i+1)*d], f.clf.W[j*d:(j+1)*d], 2)
			f.apart[i*k+j], f.apart[j*k+i] = v, v
		}
	}
	return true
}

// vim finds the origin u = −W⁺b, the residual directions of the covariance about it, and α.
func (f *Fit) vim(total *mat.SymDense, train nc.Source) error {
	d := f.d
	dim := f.VimDim
	switch {
	case dim > 0:
	case d >= 2048:
		dim = 1000
	case d >= 768:
		dim = 512
	default:
		dim = d / 2
	}
	if dim >= d {
		f.none[vim] = true
		f.note[vim] = fmt.Sprintf("its dimension %d leaves none of d = %d for the residual", dim, d)
		return nil
	}
	if err := f.findOrigin(); err != nil {
		return err
	}
	about := mat.NewSymDense(d, nil)
	about.CopySym(total)
	diff := make([]float64, d)
	floats.SubTo(diff, f.mean, f.origin)
	about.SymRankOne(about, 1, mat.NewVecDense(d, diff))
	_, vectors, err := eigen(about)
	if err != nil {
		return fmt.Errorf("ood: covariance about the origin of ViM: %w", err)
	}
	f.residuals = d - dim
	f.residual = make([]float64, f.residuals*d)
	for i := range f.residuals {
		mat.Col(f.residual[i*d:(i+1)*d], i, vectors)
	}
	var logits, lengths float64
	s := newScratch(f)
	err = train.Each(f.ctx, func(b nc.Batch) error {
		return s.blocks(b, 0, func(int) {
			s.logitsOf()
			s.residualOf()
			for i := range s.m {
				logits += s.top[i]
				lengths += s.length[i]
			}
		})
	})
	if err != nil {
		return err
	}
	if f.Alpha = logits / lengths; !(math.Abs(f.Alpha) < math.MaxFloat64) {
		f.none[vim] = true
		f.note[vim] = fmt.Sprintf("the training features have no residual outside %d dimensions, so that α is not "+
			"defined", dim)
	}
	return nil
}

// findOrigin solves W u = −b with the least ‖u‖.
func (f *Fit) findOrigin() error {
	f.origin = make([]float64, f.d)
	if f.clf.B == nil {
		return nil
	}
	var svd mat.SVD
	if !svd.Factorize(mat.NewDense(f.k, f.d, f.clf.W), mat.SVDThin) {
		return errors.New("ood: the singular values of the classifier did not converge")
	}
	values := svd.Values(nil)
	if values[0] == 0 {
		return nil
	}
	var u, v mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	for i, s := range values {
		// As numpy.linalg.pinv and torch.linalg.pinv: singular values that are rounding are 0.
		if s <= values[0]*1e-15*float64(max(f.k, f.d)) {
			break
		}
		var dot float64
		for j, b := range f.clf.B {
			dot += u.At(j, i) * b
		}
		for j := range f.origin {
			f.origin[j] -= v.At(j, i) * dot / s
		}
	}
	return nil
}
