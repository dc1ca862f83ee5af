package train

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/record"
)

// final measures what is measured once, after the last epoch. logits are those of the test
// split, M×K.
func (r *run) final(ctx context.Context, logits []float32) (*record.Final, error) {
	f := &record.Final{}
	var err error
	switch n := r.set.Test.Len(); {
	case n == 0:
		f.Notes = map[string]string{"calibration": noTestImages}
	case n < calib.MinSplit:
		f.Notes = map[string]string{"calibration": fmt.Sprintf("%d test samples cannot be split for a fit", n)}
	default:
		src, err := calib.Slice32(logits, r.set.Test.Labels, r.engine.Network.Classes)
		if err == nil {
			f.Calibration, err = finalCalibration(src, r.spec.Seed)
		}
		if err != nil {
			return nil, err
		}
	}
	if r.options.LayerProfile {
		f.Depth, err = r.depth(ctx)
	}
	return f, err
}

// finalCalibration measures calibration before and after each scaling, in 15 and in 20
// bins. The seed draws the half on which T is fitted.
func finalCalibration(src calib.Source, seed int64) ([]record.FinalCalibration, error) {
	var out []record.FinalCalibration
	for _, bins := range []int{calib.DefaultBins, calib.PaperBins} {
		half, err := calib.Measure(src, calib.Options{Bins: bins, Seed: seed})
		if err != nil {
			return nil, err
		}
		all, err := calib.Measure(src, calib.Options{Bins: bins, FitAll: true, Grid: true})
		if err != nil {
			return nil, err
		}
		out = append(out,
			ofSummary(record.TestSplit, record.Unscaled, 1, "", all.Summary),
			ofSummary(record.TestHalf, record.Unscaled, 1, "", half.Unscaled),
			ofSummary(record.TestHalf, record.ScaledByNLL, half.Temperature.T, half.Temperature.Note, half.Scaled),
			ofSummary(record.TestSplit, record.ScaledByNLL, all.Temperature.T, all.Temperature.Note, all.Scaled),
			ofSummary(record.TestSplit, record.ScaledByECE, all.Grid.T, "", all.Grid.Scaled))
	}
	return out, nil
}

// ofSummary puts a summary of calib into a record. bound says why t is at a bound, or "".
func ofSummary(samples, scaling string, t float64, bound string, s *calib.Summary) record.FinalCalibration {
	c := record.FinalCalibration{Samples: samples, Scaling: scaling, Temperature: record.Number(t), N: s.N,
		Metrics: map[string]record.Number{}, Notes: map[string]string{}}
	for _, m := range calib.Metrics() {
		c.Metrics[m.Key] = record.Number(m.Value(s))
		if note := s.Notes[m.Key]; note != "" {
			c.Notes[m.Key] = note
		}
	}
	if bound != "" {
		c.Notes["temperature"] = bound
	}
	for _, b := range s.Bins {
		c.Bins = append(c.Bins, record.Bin{Lo: record.Number(b.Lo), Hi: record.Number(b.Hi),
			Count:    int64(math.Round(b.Count)),
			Accuracy: record.Number(b.Accuracy), Confidence: record.Number(b.Confidence)})
	}
	return c
}

// depth measures NC1 of the training features of every layer, in two evaluations of the
// training split. It is nil for a network without named layers.
func (r *run) depth(ctx context.Context) ([]record.LayerNC1, error) {
	stages := r.engine.Network.Stages
	if len(stages) == 0 {
		return nil, nil
	}
	sums, scatters := make([]*nc.Sums, len(stages)), make([]*nc.Scatter, len(stages))
	for i, s := range stages {
		var err error
		if sums[i], err = nc.NewSums(r.engine.Network.Classes, s.Features); err != nil {
			return nil, err
		}
	}
	pass := func(add func(stage int, b nc.Batch) error) error {
		return r.engine.Evaluate(ctx, EvaluateOptions{Stages: true}, func(b *Batch) error {
			var errs []error
			for i := range stages {
				errs = append(errs, add(i, nc.BatchOf(b.Stages[i], b.Labels)))
			}
			return errors.Join(errs...)
		})
	}
	if err := pass(func(i int, b nc.Batch) error { return sums[i].Add(b) }); err != nil {
		return nil, fmt.Errorf("train: NC1 of the layers: %w", err)
	}
	var empty *nc.EmptyClassError
	for i := range stages {
		var err error
		if scatters[i], err = sums[i].Centre(nil); errors.As(err, &empty) {
			return nil, nil // the last row says so
		} else if err != nil {
			return nil, err
		}
	}
	if err := pass(func(i int, b nc.Batch) error { return scatters[i].Add(b) }); err != nil {
		return nil, fmt.Errorf("train: NC1 of the layers: %w", err)
	}
	var out []record.LayerNC1
	for i, scatter := range scatters {
		s, err := scatter.Summary()
		if err != nil {
			return nil, err
		}
		out = append(out, record.LayerNC1{Layer: stages[i].Name, D: stages[i].Features,
			NC1: record.Number(s.NC1), NC1Quotient: record.Number(s.NC1Quotient)})
	}
	return out, nil
}
