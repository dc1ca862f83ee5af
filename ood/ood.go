// Package ood measures out-of-distribution detection: whether a score that follows from a network's
// features and classifier tells samples of its data set from foreign ones.
//
//	r, err := ood.Measure(train, test, []ood.Set{{Name: "svhn", Source: svhn}}, &classifier, ood.Options{})
//	fmt.Println(r.Scores[0].Key, r.Scores[0].Results[0].AUROC)
//
// Symbols are those of package nc: N training samples with features h ∈ ℝ^d and labels 0…K−1, class means
// μ_k, their mean over all samples μ, the classifier's rows w_k and biases b_k, logits z_k = w_k·h + b_k and
// p = softmax(z). A larger score means in-distribution. Metrics take the in-distribution samples (test
// features) for positive.
//
// The training features are read three times, in batches, however many there are: for the class means, for
// the covariance, and for the α of ViM. Memory is O(d² + K·d) with a few numbers per scored sample, and the
// bank of the k-NN score.
package ood

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/internal/resample"
	"github.com/gocollapse/collapse/nc"
)

// Info says what a score is.
type Info struct {
	Key, Name string
	Formula   string
	Source    string
	// Classifier says that the score needs the classifier.
	Classifier bool
}

// Infos returns the scores in their order.
func Infos() []Info { return slices.Clone(infos) }

var infos = []Info{
	{"msp", "MSP", "max_k p_k", "Hendrycks and Gimpel 2017", true},
	{"max_logit", "MaxLogit", "max_k z_k", "Hendrycks et al. 2022", true},
	{"energy", "Energy", "T log Σ_k e^{z_k/T}", "Liu et al. 2020", true},
	{"mahalanobis", "Mahalanobis", "−min_k D_k, D_k = (h − μ_k)ᵀ Σ_W⁺ (h − μ_k)", "Lee et al. 2018", false},
	{"relative_mahalanobis", "relative Mahalanobis", "(h − μ)ᵀ Σ_T⁺ (h − μ) − min_k D_k", "Ren et al. 2021", false},
	{"knn", "k-NN", "−‖h/‖h‖ − x‖, x the k-th nearest h/‖h‖ of the bank", "Sun et al. 2022", false},
	{"vim", "ViM", "log Σ_k e^{z_k} − α‖R(h − u)‖", "Wang et al. 2022", true},
	{"neco", "NECO", "‖P g‖/‖g‖, g = (h − μ)/σ in each dimension", "Ben Ammar et al. 2024", false},
	{"nci", "NCI", "w_ŷ·(h − μ)/‖h − μ‖ + α‖h‖₁", "Liu and Qin 2025", true},
	{"fdbd", "fDBD", "mean over k ≠ ŷ of (z_ŷ − z_k)/(‖w_ŷ − w_k‖ ‖h − μ‖)", "Liu and Qin 2024", true},
}

// Indices of infos.
const (
	msp = iota
	maxLogit
	energy
	mahalanobis
	relative
	knn
	vim
	neco
	nci
	fdbd
	scores
)

// Options are what a caller may choose. The zero value is a valid choice.
type Options struct {
	// K is the number of classes; 0 takes the rows of the classifier, or without one the largest
	// label + 1, for which the training samples are read once more.
	K int
	// T is the temperature of Energy; 0 is 1.
	T float64
	// Neighbours is the k of k-NN; 0 is 50, or the size of the bank if that is smaller.
	Neighbours int
	// Bank is how many training samples k-NN compares with, drawn by Seed if there are more; 0 is 50,000.
	Bank int
	// VimDim is the dimension that ViM takes for the data's; 0 is the authors' choice: 1000 where d ≥ 2048,
	// 512 where d ≥ 768, else d/2.
	VimDim int
	// NecoDim is the rank of NECO's P; 0 takes the fewest directions with 90 % of the variance.
	NecoDim int
	// NecoMaxLogit multiplies NECO by the largest logit, as its paper does for transformers.
	NecoMaxLogit bool
	// NCIAlpha is the α of NCI.
	NCIAlpha float64
	// Bootstrap is the number of replicates for intervals, at least 2, or 0 for none.
	Bootstrap int
	Seed      int64 // of the bank and of the replicates
	// Only are the keys of the scores to measure; nil is all.
	Only []string
	// Progress is told, from the calling goroutine, how many of the samples that all passes read
	// together are done.
	Progress func(done, total int64)
	// Context stops the work where it is done; nil is context.Background().
	Context context.Context
}

// Check reports options that are out of range.
func (o Options) Check() error {
	for _, v := range []struct {
		name  string
		value int
	}{{"K", o.K}, {"number of neighbours", o.Neighbours}, {"size of the bank", o.Bank}, {"dimension of ViM", o.VimDim},
		{"dimension of NECO", o.NecoDim}} {
		if v.value < 0 {
			return fmt.Errorf("ood: the %s is %d, want at least 1, or 0 for the default", v.name, v.value)
		}
	}
	if !(o.T >= 0) || math.IsInf(o.T, 0) {
		return fmt.Errorf("ood: the temperature is %v, want a number above 0", o.T)
	}
	if !(o.NCIAlpha >= 0) || math.IsInf(o.NCIAlpha, 0) {
		return fmt.Errorf("ood: α of NCI is %v, want a number of at least 0", o.NCIAlpha)
	}
	for _, key := range o.Only {
		if !slices.ContainsFunc(infos, func(i Info) bool { return i.Key == key }) {
			var known []string
			for _, i := range infos {
				known = append(known, i.Key)
			}
			return fmt.Errorf("ood: no score %q; there are %s", key, strings.Join(known, ", "))
		}
	}
	if err := resample.Check(o.Bootstrap, 2); err != nil {
		return fmt.Errorf("ood: bootstrap: %w", err)
	}
	return nil
}

func (o Options) wants(i int) bool { return o.Only == nil || slices.Contains(o.Only, infos[i].Key) }

// Set is a set of out-of-distribution samples, whose labels are not read.
type Set struct {
	Name   string
	Source nc.Source
}

// Measure fits the scores on the training samples, and measures how well each tells the in-distribution
// samples test from each of the sets. Without a classifier (nil), the scores that need one are not defined.
// It is an error if a class has no training sample, if widths differ, if names are empty or equal, or if a
// feature is not a finite number; the error names the class, the set or the sample.
func Measure(train, test nc.Source, sets []Set, classifier *nc.Classifier, o Options) (*Result, error) {
	if len(sets) == 0 {
		return nil, errors.New("ood: no set of out-of-distribution samples")
	}
	n, d := train.Shape()
	all := append([]Set{{"in-distribution", test}}, sets...)
	for i, s := range all {
		if s.Source == nil {
			return nil, fmt.Errorf("ood: %s samples: there are none", s.Name)
		}
		if m, width := s.Source.Shape(); m == 0 {
			return nil, fmt.Errorf("ood: %s: there are no samples", s.Name)
		} else if width != d {
			return nil, fmt.Errorf("ood: %s: features have d = %d dimensions, those of training %d; save all from one "+
				"layer", s.Name, width, d)
		}
		if s.Name == "" || slices.ContainsFunc(all[:i], func(o Set) bool { return o.Name == s.Name }) {
			return nil, fmt.Errorf("ood: the name %q of a set is empty, given twice or \"in-distribution\"; names "+
				"must differ", s.Name)
		}
	}
	work := newProgress(o, n, all)
	f, err := NewFit(work.counted(train), classifier, o)
	if err != nil {
		return nil, err
	}
	r := &Result{N: n, D: d, K: f.k, Options: o, Fit: f, Notes: map[string]string{}}
	var values []*scored
	for i, s := range all {
		v, err := f.all(work.counted(s.Source))
		if err != nil {
			return nil, fmt.Errorf("ood: %s: %w", s.Name, err)
		}
		m, _ := s.Source.Shape()
		if values = append(values, v); i > 0 {
			r.Sets = append(r.Sets, s.Name)
			r.Sizes = append(r.Sizes, m)
		} else {
			r.ID = m
		}
	}
	r.compare(f, values)
	return r, nil
}

// progress counts the samples of all passes.
type progress struct {
	done, total int64
	tell        func(done, total int64)
}

// newProgress knows how many samples Measure reads: ViM and samples without K need a third pass.
func newProgress(o Options, n int64, sets []Set) *progress {
	p := &progress{total: 2 * n, tell: o.Progress}
	if o.wants(vim) {
		p.total += n
	}
	for _, s := range sets {
		m, _ := s.Source.Shape()
		p.total += m
	}
	return p
}

// counted is a source whose samples are counted.
type counted struct {
	nc.Source
	*progress
}

func (p *progress) counted(s nc.Source) nc.Source {
	if p.tell == nil {
		return s
	}
	return counted{s, p}
}

func (c counted) Each(ctx context.Context, visit func(nc.Batch) error) error {
	_, d := c.Shape()
	return c.Source.Each(ctx, func(b nc.Batch) error {
		if err := visit(b); err != nil {
			return err
		}
		c.done = min(c.done+int64(b.Numbers()/max(d, 1)), c.total)
		c.tell(c.done, c.total)
		return nil
	})
}
