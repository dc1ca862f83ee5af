package calib

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/gocollapse/collapse/internal/object"
	"github.com/gocollapse/collapse/internal/resample"
)

// DefaultBins is the field's number of bins; the paper's figures have PaperBins.
const (
	DefaultBins = 15
	PaperBins   = 20
)

// Options are what a caller may choose; the zero value is the field's.
type Options struct {
	Bins int // of every binned error; 0 is DefaultBins
	// FitAll fits the scalings on all samples and measures them on the same, which is
	// optimistic. Otherwise they are fitted on one half and measured on the other:
	// of samples 2j and 2j+1 one belongs to each, as Seed draws.
	FitAll bool
	Seed   int64
	// Grid adds the temperature of the paper's public code, see GridTemperature; Vector
	// adds vector scaling.
	Grid, Vector bool
	// Bootstrap is the number of replicates for intervals and Consistency that of the
	// consistency test; 0 is none.
	Bootstrap, Consistency int
	// Probabilities says that the source gives probabilities in place of logits: a row
	// sums to 1. Scalings take their logarithms.
	Probabilities bool
	// Fast leaves out ACE, class-wise and smooth ECE, which take most of the time.
	Fast bool
}

// Report is what Measure measures.
type Report struct {
	*Summary                  // all samples, as they are
	Temperature *Temperature  // fitted on Split's fit part
	Scaled      *Summary      // after T, on the samples that it was not fitted on
	Unscaled    *Summary      // the same samples as they are
	FitAll      bool          // T was fitted on the samples that it is measured on
	Seed        int64         // of the split and of the replicates
	Grid        *GridResult   // nil unless asked for
	Vector      *VectorResult // nil unless asked for
	Intervals   *Intervals    // nil unless asked for
	Consistency *Consistency  // nil unless asked for
}

// GridResult is the public code's temperature, fitted and measured as T is.
type GridResult struct {
	T      float64
	Scaled *Summary
}

// VectorResult is vector scaling, fitted and measured as T is.
type VectorResult struct {
	*Vector
	Scaled *Summary
}

// Intervals are bootstrap intervals of the share Level. ECE is positive even of a
// perfectly calibrated model, and a replicate's is larger still: an interval of it is
// no test of zero. Consistency is one.
type Intervals struct {
	Replicates int
	Level      float64
	ECE        [2]float64 // of all samples
	// ECEBias is how much the replicates' mean lies over the value.
	ECEBias     float64
	Accuracy    [2]float64
	Temperature [2]float64 // NaN where T is at a bound
}

// Consistency is a test of calibration: the labels are drawn anew from the model's own
// confidences (Bröcker and Smith 2007; Vaicenavicius et al. 2019), and P is the share of
// replicates whose ECE is at least the measured one, (1+#)/(1+Replicates).
type Consistency struct {
	Replicates int
	P          float64
	// Expected is the mean ECE of the replicates: what a perfectly calibrated model with
	// these confidences shows on so many samples.
	Expected float64
}

// Measure measures calibration before and after scaling. It reads the source some
// twenty times.
func Measure(src Source, o Options) (*Report, error) {
	if o.Bins == 0 {
		o.Bins = DefaultBins
	}
	if err := checkBins(o.Bins); err != nil {
		return nil, err
	}
	if o.Bootstrap < 0 || o.Bootstrap == 1 || o.Consistency < 0 {
		return nil, fmt.Errorf("calib: %d bootstrap and %d consistency replicates, want at least 2 and 1, or 0 for none", o.Bootstrap, o.Consistency)
	}
	n, _ := src.Shape()
	sc := scaling{probabilities: o.Probabilities}
	// Beside the confidences of all samples there is room for as many numbers: ACE's of
	// one class, or those of a half with its confidences.
	work := make([]float64, n+2)
	summary := func(p part, sc scaling) (*Summary, error) {
		var room []float64
		rest := work
		if p.split {
			room, rest = work[:n/2+1], work[n/2+1:]
		}
		s, err := summarise(src, p, sc, o.Bins, !o.Fast, room, rest)
		if err != nil {
			return nil, err
		}
		if o.Fast {
			s.leaveOut()
		} else {
			err = s.ace(src, p, sc, rest)
		}
		if p.split || sc.beta != 0 {
			s.signed = nil // of all samples as they are, the replicates need it
		}
		return s, err
	}
	all, err := summary(part{}, sc)
	if err != nil {
		return nil, err
	}
	rep := &Report{Summary: all, FitAll: o.FitAll, Seed: o.Seed}
	fit, rest := part{}, part{}
	if !o.FitAll {
		if n < 4 {
			return nil, fmt.Errorf("calib: %d samples cannot be split for a fit; fit on all", n)
		}
		h := halves{uint64(o.Seed)}
		fit, rest = part{split: true, take: true, half: h}, part{split: true, half: h}
	}
	if rep.Temperature, err = fitTemperature(src, fit, sc); err != nil {
		return nil, err
	}
	scaled := sc
	scaled.beta = 1 / rep.Temperature.T
	if rep.Scaled, err = summary(rest, scaled); err != nil {
		return nil, err
	}
	if rep.Unscaled = all; !o.FitAll {
		if rep.Unscaled, err = summary(rest, sc); err != nil {
			return nil, err
		}
	}
	if o.Grid {
		t, _, err := gridTemperature(src, fit, sc, o.Bins, AuthorsGrid())
		if err != nil {
			return nil, err
		}
		scaled.beta = 1 / t
		rep.Grid = &GridResult{T: t}
		if rep.Grid.Scaled, err = summary(rest, scaled); err != nil {
			return nil, err
		}
	}
	if o.Vector {
		v, err := fitVector(src, fit, sc)
		if err != nil {
			return nil, err
		}
		vs := sc
		vs.weight, vs.bias, vs.beta = v.Weight, v.Bias, 1
		rep.Vector = &VectorResult{Vector: v}
		if rep.Vector.Scaled, err = summary(rest, vs); err != nil {
			return nil, err
		}
	}
	if o.Bootstrap > 0 {
		rep.Intervals = bootstrapECE(all, o)
		if rep.Intervals.Temperature, err = bootstrapT(src, fit, sc, rep.Temperature, o); err != nil {
			return nil, err
		}
	}
	if o.Consistency > 0 {
		rep.Consistency = consistent(all, o)
	}
	return rep, nil
}

// replicate returns the key of a replicate's draws.
func replicate(seed int64, r int) uint64 { return resample.Mix(resample.Mix(uint64(seed)) + uint64(r)) }

// each calls f for 0…n−1 on all processors.
func each(n int, f func(i int)) {
	var wg sync.WaitGroup
	workers := min(n, runtime.GOMAXPROCS(0))
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				f(i)
			}
		})
	}
	wg.Wait()
}

// bootstrapECE takes each sample a Poisson number of times, as package nc/measure.
func bootstrapECE(s *Summary, o Options) *Intervals {
	eces, accs := make([]float64, o.Bootstrap), make([]float64, o.Bootstrap)
	each(o.Bootstrap, func(r int) {
		d := resampled(s.signed, o.Bins, replicate(o.Seed, r))
		eces[r] = d.ECE()
		accs[r] = d.sum(func(b Bin) float64 { return b.Accuracy })
	})
	var mean float64
	for _, e := range eces {
		mean += e / float64(o.Bootstrap)
	}
	return &Intervals{Replicates: o.Bootstrap, Level: resample.Level, ECE: resample.Interval(eces), Accuracy: resample.Interval(accs), ECEBias: mean - s.ECE}
}

func resampled(signed []float64, bins int, key uint64) Diagram {
	sums := newSums(bins)
	for i, v := range signed {
		if w := resample.Times(key, uint64(i)); w > 0 {
			sums.addWeighted(math.Abs(v), !math.Signbit(v), float64(w))
		}
	}
	return sums.diagram()
}

// bootstrapT estimates the T of every replicate of the samples of the fit by one step of
// Newton from the T of all, with the replicate's derivatives of the loss: to the order
// of 1/N it is the replicate's own minimum, and all take one pass.
func bootstrapT(src Source, p part, sc scaling, fitted *Temperature, o Options) ([2]float64, error) {
	if fitted.Bound != "" {
		return [2]float64{math.NaN(), math.NaN()}, nil
	}
	sc.beta = 1 / fitted.T
	keys := make([]uint64, o.Bootstrap)
	for r := range keys {
		keys[r] = replicate(o.Seed, r)
	}
	type slopes []slope
	total, err := reduce(src, func() *slopes { s := make(slopes, o.Bootstrap); return &s }, func(t *slopes, row *row) {
		if !p.has(row.i) {
			return
		}
		_, d1, d2 := sc.slopes(row)
		for r := range *t {
			w := float64(resample.Times(keys[r], uint64(row.i)))
			(*t)[r].first += w * d1
			(*t)[r].second += w * d2
		}
	}, func(into, from *slopes) {
		for r, s := range *from {
			(*into)[r].first += s.first
			(*into)[r].second += s.second
			(*from)[r] = slope{}
		}
	})
	if err != nil {
		return [2]float64{}, err
	}
	ts := make([]float64, 0, o.Bootstrap)
	for _, s := range *total {
		// In the logarithm of β, which stays positive.
		if step := -s.first / (s.second * sc.beta); s.second > 0 {
			ts = append(ts, fitted.T*math.Exp(-step))
		}
	}
	if len(ts) < 2 {
		return [2]float64{math.NaN(), math.NaN()}, nil
	}
	return resample.Interval(ts), nil
}

// consistent runs the consistency test.
func consistent(s *Summary, o Options) *Consistency {
	eces := make([]float64, o.Consistency)
	each(o.Consistency, func(r int) {
		rng := rand.New(rand.NewPCG(uint64(o.Seed), uint64(r)))
		sums := newSums(o.Bins)
		for _, v := range s.signed {
			c := math.Abs(v)
			sums.add(c, rng.Float64() < c)
		}
		eces[r] = sums.diagram().ECE()
	})
	c := &Consistency{Replicates: o.Consistency}
	over := 0
	for _, e := range eces {
		c.Expected += e / float64(o.Consistency)
		if e >= s.ECE {
			over++
		}
	}
	c.P = float64(1+over) / float64(1+o.Consistency)
	return c
}

// Difference compares two models on the same samples.
type Difference struct {
	Replicates int        `json:"replicates"`
	Level      float64    `json:"level"`
	ECE        float64    `json:"ece"`      // of the first less that of the second
	Interval   [2]float64 `json:"interval"` // of the paired bootstrap
	// P is the share of replicates whose difference lies as far from their mean as ECE
	// from 0, (1+#)/(1+Replicates): small where the difference is not one of chance.
	P float64 `json:"p"`
}

// Compare tests the difference in ECE of two models on the same samples in the same
// order by a paired bootstrap: both are measured on the same replicates, so that what
// they have in common cancels. Other labels are an error.
func Compare(a, b *Summary, replicates int, seed int64) (*Difference, error) {
	if a.N != b.N || a.labels != b.labels {
		return nil, errors.New("calib: the models were not measured on the same samples: number or labels differ")
	}
	if replicates < 2 {
		return nil, fmt.Errorf("calib: %d replicates, want at least 2", replicates)
	}
	if len(a.Bins) != len(b.Bins) {
		return nil, fmt.Errorf("calib: %d and %d bins", len(a.Bins), len(b.Bins))
	}
	v := make([]float64, replicates)
	each(replicates, func(r int) {
		v[r] = resampled(a.signed, len(a.Bins), replicate(seed, r)).ECE() - resampled(b.signed, len(b.Bins), replicate(seed, r)).ECE()
	})
	// Around their own mean, since the replicates' ECE has a bias of its own.
	var mean float64
	for _, x := range v {
		mean += x / float64(replicates)
	}
	d := a.ECE - b.ECE
	beyond := 0
	for _, x := range v {
		if math.Abs(x-mean) >= math.Abs(d) {
			beyond++
		}
	}
	return &Difference{
		Replicates: replicates, Level: resample.Level, ECE: d,
		P: float64(1+beyond) / float64(1+replicates), Interval: resample.Interval(v),
	}, nil
}

// MarshalJSON writes the object of collapse calibrate --json: the figures of all
// samples, temperature, and under scaled and unscaled_same those of the samples that T
// was not fitted on (of all with FitAll).
func (r *Report) MarshalJSON() ([]byte, error) {
	var o object.Object
	r.Summary.fields(&o)
	o.Field("temperature", object.Number(r.Temperature.T))
	fit := "split"
	if r.FitAll {
		fit = "all"
	}
	o.Field("fit", map[string]any{"samples": r.Temperature.Samples, "nll": object.Number(r.Temperature.NLL), "on": fit, "seed": r.Seed})
	o.Field("scaled", r.Scaled)
	o.Field("unscaled_same", r.Unscaled)
	if g := r.Grid; g != nil {
		o.Field("authors_grid", map[string]any{"temperature": g.T, "scaled": g.Scaled})
	}
	if v := r.Vector; v != nil {
		o.Field("vector", map[string]any{"weight": v.Weight, "bias": v.Bias, "scaled": v.Scaled})
	}
	if i := r.Intervals; i != nil {
		pair := func(v [2]float64) []object.Number { return object.Numbers(v[:]) }
		o.Field("ci", map[string]any{"ece": pair(i.ECE), "accuracy": pair(i.Accuracy), "temperature": pair(i.Temperature)})
		o.Field("bootstrap", map[string]any{"replicates": i.Replicates, "level": i.Level, "seed": r.Seed, "ece_bias": object.Number(i.ECEBias)})
	}
	if c := r.Consistency; c != nil {
		o.Field("consistency", map[string]any{"replicates": c.Replicates, "p": c.P, "expected_ece": object.Number(c.Expected)})
	}
	notes := map[string]string{}
	maps.Copy(notes, r.Notes)
	maps.Copy(notes, r.notes())
	o.Field("notes", notes)
	return o.JSON()
}

// notes are the reservations of a report.
func (r *Report) notes() map[string]string {
	notes := map[string]string{"temperature": "T divides the logits; T > 1 means that the model was over-confident"}
	if b := r.Temperature.Bound; b != "" {
		notes["temperature"] = b + "; T divides the logits"
	}
	if r.FitAll {
		notes["scaled"] = "T was fitted on the samples that it is measured on: optimistic"
	}
	if r.Vector != nil && r.Vector.Note != "" {
		notes["vector"] = r.Vector.Note
	}
	return notes
}
