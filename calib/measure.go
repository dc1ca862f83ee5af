package calib

import (
	"fmt"
	"math"

	"github.com/gocollapse/collapse/internal/resample"
)

// DefaultBins is the usual number of bins; the paper's figures have PaperBins.
const (
	DefaultBins = 15
	PaperBins   = 20
)

// MinSplit is the least number of samples of which one half can fit a temperature and the other
// half measure it.
const MinSplit = 4

// Options of Measure. The zero value is a valid choice.
type Options struct {
	Bins int // of every binned error; 0 is DefaultBins
	// FitAll fits the scalings on all samples and measures them on the same samples, which is
	// optimistic. Otherwise they are fitted on one half and measured on the other: of every two
	// neighbours, samples 2j and 2j+1, one goes to each half, drawn by Seed.
	FitAll bool
	Seed   int64 // of the split and of the replicates
	// Grid also fits the temperature of the paper's public code, see GridTemperature.
	Grid bool
	// Vector also fits vector scaling.
	Vector bool
	// Bootstrap asks for Intervals. It is the number of replicates of their ECEBias, at least 2; 0 is
	// none.
	Bootstrap int
	// Consistency is the number of replicates of the consistency test; 0 is none.
	Consistency int
	// Probabilities says that the source gives probabilities in place of logits. Their rows must sum
	// to 1 within their rounding, see RowSums, and are divided by their sums; Notes["probabilities"]
	// gives the largest deviation. Scalings take their logarithms.
	Probabilities bool
	// Fast leaves out ACE, class-wise ECE and smooth ECE, which take most of the time, and selective
	// classification.
	Fast bool
}

// Check reports options that are out of range.
func (o Options) Check() error {
	if err := checkBins(o.bins()); err != nil {
		return err
	}
	if err := resample.Check(o.Bootstrap, 2); err != nil {
		return fmt.Errorf("calib: bootstrap: %w", err)
	}
	if err := resample.Check(o.Consistency, 1); err != nil {
		return fmt.Errorf("calib: consistency test: %w", err)
	}
	return nil
}

func (o Options) bins() int {
	if o.Bins == 0 {
		return DefaultBins
	}
	return o.Bins
}

// Measure measures calibration before and after scaling. It reads the source about twenty
// times. It is an error if the options are out of range, if the source fails, or if fewer than
// MinSplit samples are to be split.
func Measure(src Source, o Options) (*Report, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	o.Bins = o.bins()
	note := ""
	if o.Probabilities {
		var err error
		if src, note, err = normalise(src); err != nil {
			return nil, err
		}
	}
	m, err := newMeasurement(src, o)
	if err != nil {
		return nil, err
	}
	all, err := m.summary(part{}, m.raw)
	if err != nil {
		return nil, err
	}
	if note != "" {
		all.Notes["probabilities"] = note
	}
	rep := &Report{Summary: all, Unscaled: all, FitAll: o.FitAll, Seed: o.Seed}
	parts := []func(*Report) error{m.addTemperature, m.addGrid, m.addVector, m.addReplicates, m.addSelective}
	for _, add := range parts {
		if err := add(rep); err != nil {
			return nil, err
		}
	}
	return rep, nil
}

// measurement is one call of Measure.
type measurement struct {
	src       Source
	options   Options
	raw       scaling // leaves the samples as they are
	fit, rest part    // the samples of the fit, and those on which it is measured
	// work has room for as many numbers as there are samples: ACE's of one class, or the
	// confidences of a half and ACE's of that half.
	work []float64
}

func newMeasurement(src Source, o Options) (*measurement, error) {
	n, _ := src.Shape()
	m := &measurement{src: src, options: o, raw: scaling{probabilities: o.Probabilities}}
	if !o.FitAll {
		if n < MinSplit {
			return nil, fmt.Errorf("calib: %d samples are too few to fit T on one half, want at least %d; "+
				"fit on all of them (FitAll)", n, MinSplit)
		}
		h := halves{uint64(o.Seed)}
		m.fit, m.rest = part{split: true, take: true, half: h}, part{split: true, half: h}
	}
	m.work = make([]float64, n+2)
	return m, nil
}

// summary measures the samples of a part after a scaling.
func (m *measurement) summary(p part, sc scaling) (*Summary, error) {
	var room []float64
	work := m.work
	if p.split {
		half := p.size(int64(len(work) - 2))
		room, work = work[:half], work[half:]
	}
	s, err := summarise(m.src, p, sc, m.options.Bins, !m.options.Fast, room, work)
	if err != nil {
		return nil, err
	}
	if m.options.Fast {
		s.leaveOut()
	} else {
		err = s.ace(m.src, p, sc, work)
	}
	if p.split || sc.beta != 0 {
		s.signed = nil // the replicates need only those of all samples as they are
	}
	return s, err
}

// noT says why what follows from T is not defined.
const noT = "T is not defined, see temperature"

// addTemperature fits T and measures the other half before and after.
func (m *measurement) addTemperature(r *Report) (err error) {
	if r.Temperature, err = fitTemperature(m.src, m.fit, m.raw); err != nil {
		return err
	}
	if m.rest.split {
		if r.Unscaled, err = m.summary(m.rest, m.raw); err != nil {
			return err
		}
	}
	if math.IsNaN(r.Temperature.T) {
		r.Scaled = r.Unscaled.undefined(noT)
		return nil
	}
	scaled := m.raw
	scaled.beta = 1 / r.Temperature.T
	r.Scaled, err = m.summary(m.rest, scaled)
	return err
}

func (m *measurement) addGrid(r *Report) error {
	if !m.options.Grid {
		return nil
	}
	t, _, err := gridTemperature(m.src, m.fit, m.raw, m.options.Bins, AuthorsGrid())
	if err != nil {
		return err
	}
	scaled := m.raw
	scaled.beta = 1 / t
	r.Grid = &GridResult{T: t}
	r.Grid.Scaled, err = m.summary(m.rest, scaled)
	return err
}

func (m *measurement) addVector(r *Report) error {
	if !m.options.Vector {
		return nil
	}
	v, err := fitVector(m.src, m.fit, m.raw)
	if err != nil {
		return err
	}
	r.Vector = &VectorResult{Vector: v}
	if math.IsNaN(v.NLL) {
		r.Vector.Scaled = r.Unscaled.undefined("vector scaling is not defined, see vector")
		return nil
	}
	scaled := m.raw
	scaled.weight, scaled.bias, scaled.beta = v.Weight, v.Bias, 1
	r.Vector.Scaled, err = m.summary(m.rest, scaled)
	return err
}

// addReplicates adds what replicates of the samples say: intervals and the consistency test.
func (m *measurement) addReplicates(r *Report) (err error) {
	if m.options.Bootstrap > 0 {
		r.Intervals = intervals(r.Summary, m.options)
		err = m.intervalT(r.Temperature, r.Intervals)
	}
	if m.options.Consistency > 0 {
		r.Consistency = consistencyTest(r.Summary, m.options)
	}
	return err
}
