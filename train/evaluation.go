package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/record"
)

// keepBytes bounds the features of a split that stay in host memory between nc's two
// passes. Where 4·N·d is more, the network is evaluated twice.
var keepBytes = int64(1) << 30 // a test lowers it

// evaluation is the training or the test split, N samples, as the network in evaluation mode sees
// it: an nc.Source. The first reading evaluates the network and gathers what else the row needs,
// such as loss and logits.
type evaluation struct {
	evaluate func(ctx context.Context, visit func(*Batch) error) error
	k, d     int
	labels   []int32
	seen     bool      // the first reading is over
	keep     bool      // features for the second
	given    []int32   // the class of the largest logit, of equal ones the lowest
	logits   []float32 // N×K
	features []float32 // N×d between the two readings of nc.Measure; nil where they are too many
	loss     float64   // sum of the run's own loss
	wrong    int       // samples that the classifier gives to another class

	plane *planeSums // of the training split, or nil
}

// newEvaluation returns the training or the test split of a run whose row it is for.
func (r *run) newEvaluation(row *record.Epoch, test bool) *evaluation {
	labels, name := r.set.Train.Labels, "training"
	if test {
		labels, name = r.set.Test.Labels, "test"
	}
	s := newEvaluation(labels, r.engine.Network.Classes, r.engine.Network.Features)
	s.evaluate = func(ctx context.Context, visit func(*Batch) error) error {
		return r.engine.Evaluate(ctx, EvaluateOptions{Test: test}, func(b *Batch) error {
			if err := finite(b); err != nil {
				return fmt.Errorf("%w: %w in the %s split after epoch %d (step %d, rate %v)", ErrDiverged, err, name,
					row.Epoch, r.steps, row.Rate)
			}
			return visit(b)
		})
	}
	if !test && s.k >= 3 && s.d >= 2 {
		s.plane = newPlaneSums(s.d)
	}
	return s
}

func newEvaluation(labels []int32, k, d int) *evaluation {
	n := len(labels)
	return &evaluation{k: k, d: d, labels: labels, keep: 4*int64(n)*int64(d) <= keepBytes}
}

// Shape returns N and d.
func (e *evaluation) Shape() (n int64, d int) { return int64(len(e.labels)), e.d }

// Each gives visit the features, with the class that the network gives each sample. The second
// reading is of the features that the first has kept, which are then let go, or of the network
// once more.
func (e *evaluation) Each(ctx context.Context, visit func(nc.Batch) error) error {
	if e.seen && e.features != nil {
		return e.again(visit)
	}
	if !e.seen {
		n := len(e.labels)
		e.given, e.logits = make([]int32, 0, n), make([]float32, 0, n*e.k)
		if e.keep {
			e.features = make([]float32, 0, n*e.d)
		}
	}
	err := e.evaluate(ctx, func(b *Batch) error {
		if !e.seen {
			e.gather(b)
		}
		return visit(e.batch(b.Features, b.From, b.From+len(b.Labels)))
	})
	e.seen = true
	return err
}

// batch returns samples from…to−1 with their features.
func (e *evaluation) batch(features []float32, from, to int) nc.Batch {
	b := nc.BatchOf(features, e.labels[from:to])
	b.Given = e.given[from:to]
	return b
}

// gather takes what the row needs of the next batch.
func (e *evaluation) gather(b *Batch) {
	for i, y := range b.Labels {
		e.loss += float64(b.Losses[i])
		g := largest(b.Logits[i*e.k : (i+1)*e.k])
		e.given = append(e.given, g)
		if g != y {
			e.wrong++
		}
	}
	e.logits = append(e.logits, b.Logits...)
	if e.plane != nil {
		e.plane.add(b.Features, b.Labels)
	}
	if e.features != nil {
		e.features = append(e.features, b.Features...)
	}
}

// again reads the features that were kept. Package nc works on all processors.
func (e *evaluation) again(visit func(nc.Batch) error) error {
	features := e.features
	e.features = nil // before those of another split
	for from := 0; from < len(e.labels); from += evalBatch {
		to := min(from+evalBatch, len(e.labels))
		if err := visit(e.batch(features[from*e.d:to*e.d], from, to)); err != nil {
			return err
		}
	}
	return nil
}

// finite reports a loss, feature or logit that is not.
func finite(b *Batch) error {
	for _, a := range []struct {
		what   string
		values []float32
	}{{"the loss", b.Losses}, {"a feature", b.Features}, {"a logit", b.Logits}} {
		for i, v := range a.values {
			if v-v != 0 { // NaN of a NaN and of an infinity
				return fmt.Errorf("%s of image %d is %v", a.what, b.From+i*len(b.Labels)/len(a.values), v)
			}
		}
	}
	return nil
}

// largest returns the class of the largest logit, of equal ones the lowest.
func largest(z []float32) int32 {
	best := 0
	for j, v := range z {
		if v > z[best] {
			best = j
		}
	}
	return int32(best)
}

// collapse is what nc measures of a split or of an outcome, or why it measures nothing.
type collapse struct {
	*nc.Summary
	none string
}

// measured returns the collapse that nc.Measure returns: a class without a sample is a reason.
func measured(sum *nc.Summary, err error) (collapse, error) {
	var empty *nc.EmptyClassError
	if errors.As(err, &empty) {
		return collapse{none: strings.TrimPrefix(empty.Error(), "nc: ")}, nil
	}
	return collapse{Summary: sum}, err
}

// part returns the collapse of the test samples or of an outcome, sum, which is nil where Notes
// has the reason under key.
func (c collapse) part(sum *nc.Summary, key string) collapse {
	if sum != nil {
		return collapse{Summary: sum}
	}
	return collapse{none: strings.TrimPrefix(c.Notes[key], "nc: ")}
}

// outcomes returns the collapse of the correctly and of the wrongly classified samples.
func (c collapse) outcomes() (correct, wrong collapse) {
	if c.Summary == nil {
		return c, c
	}
	return c.part(c.Correct, "correct"), c.part(c.Wrong, "wrong")
}

// put sets a metric of a row to the metric of nc's key, with the note that it has.
func (c collapse) put(row *record.Epoch, key string, m record.Metric) {
	v, note := c.metric(key)
	m.Set(row, v)
	addNote(row, m.Path, note)
}

// metric returns the metric of nc's key, and why it is NaN or what limits it.
func (c collapse) metric(key string) (v float64, note string) {
	if c.Summary == nil {
		return math.NaN(), c.none
	}
	v, _ = c.Value(key)
	return v, c.Note(key)
}
