package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/npz"
	"github.com/gocollapse/collapse/record"
)

// keepBytes bounds the features of a split that stay in host memory between nc's two
// passes. Where 4·N·d is more, the network is evaluated twice.
var keepBytes = int64(1) << 30 // a test lowers it

// look is a split as the network in evaluation mode sees it, N samples.
type look struct {
	k, d     int
	labels   []int32
	given    []int32         // the class of the largest logit, of equal ones the lowest
	logits   []float32       // N×K
	features []float32       // N×d, nil where they are too many
	loss     float64         // sum of the run's own loss
	wrong    int             // samples that the classifier gives to another class
	means    *nc.Accumulator // whose nearest means are asked for, or nil
	near     int             // samples whose nearest mean is another class's
	room     []int32         // a batch's nearest means

	all, correct, wrongs part

	plane *planeSums // of the training split, or nil
}

// part are some samples of a look with their own class means: all, those that the
// classifier gives to their class, or those that it does not. The latter two are
// grouped by the class that it gives (the paper's footnote 3).
type part struct {
	acc      *nc.Accumulator
	right    bool // of outcomes, which
	outcome  bool
	empty    string // why there are no figures
	features []float32
	labels   []int32
}

// rows returns the features and groups of those samples of a batch that belong to the
// part.
func (p *part) rows(features []float32, labels, given []int32) ([]float32, []int32) {
	if !p.outcome {
		return features, labels
	}
	d := len(features) / len(labels)
	p.features, p.labels = p.features[:0], p.labels[:0]
	for i, y := range labels {
		if (given[i] == y) == p.right {
			p.features = append(p.features, features[i*d:(i+1)*d]...)
			p.labels = append(p.labels, given[i])
		}
	}
	return p.features, p.labels
}

// addSecond takes the part's samples of a batch in the second pass.
func (p *part) addSecond(features []float32, labels, given []int32) error {
	if p.empty != "" {
		return nil
	}
	return p.acc.AddSecond(p.rows(features, labels, given))
}

// fill evaluates both splits into a row.
func (r *run) fill(ctx context.Context, row *record.Epoch) error {
	clf, err := r.engine.Classifier()
	if err != nil {
		return err
	}
	train, err := r.look(ctx, row, false, clf, nil)
	if err != nil {
		return err
	}
	sum, err := train.all.summary(clf)
	if err != nil {
		return err
	}
	n := float64(len(train.labels))
	row.TrainLoss, row.TrainError = record.Number(train.loss/n), record.Number(float64(train.wrong)/n)
	for _, m := range record.Metrics() {
		if m.NC != "" {
			sum.put(row, m.NC, m)
		}
	}
	if row.Train, err = train.calibration(row, "train_calibration"); err != nil {
		return err
	}
	if row.Picture, err = train.picture(sum, clf); err != nil {
		return err
	}
	train.features = nil // before those of the test split

	means := train.all.acc
	if train.all.empty != "" || row.Notes["ncc_error"] != "" {
		means = nil // no nearest mean
	}
	test, err := r.look(ctx, row, true, clf, means)
	if err != nil {
		return err
	}
	n = float64(len(test.labels))
	row.TestLoss, row.TestError = record.Number(test.loss/n), record.Number(float64(test.wrong)/n)
	row.NCCTestError = record.Number(float64(test.near) / n)
	if means == nil {
		row.NCCTestError = record.Number(math.NaN())
		addNote(row, "ncc_test_error", row.Notes["ncc_error"])
	}
	if sum, err = test.all.summary(clf); err != nil {
		return err
	}
	for _, key := range []string{"nc1", "nc2", "nc3"} {
		m, _ := record.MetricByKey("test_" + key)
		sum.put(row, key, m)
	}
	if row.Test, err = test.calibration(row, "test_calibration"); err != nil {
		return err
	}
	row.Test.Scaled, err = test.scaled(row, r.spec.Seed)
	return err
}

// look evaluates a split and takes nc's two passes over it. Of the samples, those whose
// nearest of the given means is not their class's are counted; means may be nil.
func (r *run) look(ctx context.Context, row *record.Epoch, test bool, clf *nc.Classifier, means *nc.Accumulator) (*look,
	error) {
	labels, split := r.set.Train.Labels, "training"
	if test {
		labels, split = r.set.Test.Labels, "test"
	}
	l, err := newLook(labels, r.engine.Network.Classes, r.engine.Network.Features, means)
	if err != nil {
		return nil, err
	}
	if !test && l.k >= 3 && l.d >= 2 {
		l.plane = newPlaneSums(l.d)
	}
	err = r.engine.Evaluate(ctx, EvaluateOptions{Test: test}, func(b *Batch) error {
		if err := finite(b); err != nil {
			return fmt.Errorf("%w: %w in the %s split after epoch %d (step %d, rate %v)", ErrDiverged, err, split,
				row.Epoch, r.steps, row.Rate)
		}
		return l.add(b)
	})
	if err != nil {
		return nil, err
	}
	for _, p := range l.parts() {
		if err := p.beginSecond(clf); err != nil {
			return nil, err
		}
	}
	if l.features == nil {
		return l, r.engine.Evaluate(ctx, EvaluateOptions{Test: test}, func(b *Batch) error {
			for _, p := range l.parts() {
				if err := p.addSecond(b.Features, b.Labels, l.given[b.From:]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return l, l.again()
}

func newLook(labels []int32, k, d int, means *nc.Accumulator) (*look, error) {
	n := len(labels)
	l := &look{k: k, d: d, labels: labels, means: means, correct: part{outcome: true, right: true},
		wrongs: part{outcome: true},
		given:  make([]int32, 0, n), logits: make([]float32, 0, n*k)}
	if 4*int64(n)*int64(d) <= keepBytes {
		l.features = make([]float32, 0, n*d)
	}
	for _, p := range l.parts() {
		var err error
		if p.acc, err = nc.NewAccumulator(k, d); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *look) parts() []*part { return []*part{&l.all, &l.correct, &l.wrongs} }

// add takes the next batch, in nc's first pass.
func (l *look) add(b *Batch) error {
	for i, y := range b.Labels {
		l.loss += float64(b.Losses[i])
		g := largest(b.Logits[i*l.k : (i+1)*l.k])
		l.given = append(l.given, g)
		if g != y {
			l.wrong++
		}
	}
	l.logits = append(l.logits, b.Logits...)
	if l.plane != nil {
		l.plane.add(b.Features, b.Labels)
	}
	if l.features != nil {
		l.features = append(l.features, b.Features...)
	}
	if l.means != nil {
		l.room = slices.Grow(l.room[:0], len(b.Labels))[:len(b.Labels)]
		if err := l.means.NearestMean(b.Features, l.room); err != nil {
			return err
		}
		for i, y := range b.Labels {
			if l.room[i] != y {
				l.near++
			}
		}
	}
	for _, p := range l.parts() {
		if err := p.acc.Add(p.rows(b.Features, b.Labels, l.given[b.From:])); err != nil {
			return err
		}
	}
	return nil
}

// again takes nc's second pass over the features that were kept. Package nc works on all
// processors.
func (l *look) again() error {
	for from := 0; from < len(l.labels); from += evalBatch {
		to := min(from+evalBatch, len(l.labels))
		for _, p := range l.parts() {
			if err := p.addSecond(l.features[from*l.d:to*l.d], l.labels[from:to], l.given[from:to]); err != nil {
				return err
			}
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

// beginSecond fixes the part's means, or says why there are none.
func (p *part) beginSecond(clf *nc.Classifier) error {
	if n, _ := p.acc.N(); n == 0 {
		p.empty = "there is no such sample"
		return nil
	}
	var empty *nc.EmptyClassError
	switch err := p.acc.BeginSecond(); {
	case errors.As(err, &empty):
		p.empty = strings.TrimPrefix(empty.Error(), "nc: ")
		if p.outcome {
			p.empty = "by the class that the classifier gives, " + p.empty
		}
		return nil
	case err != nil:
		return err
	}
	if p.outcome {
		return nil
	}
	return p.acc.SetClassifier(clf)
}

// figures are those of a part, or why there are none.
type figures struct {
	*nc.Summary
	empty string
}

func (p *part) summary(clf *nc.Classifier) (figures, error) {
	if p.empty != "" {
		return figures{empty: p.empty}, nil
	}
	if p.outcome {
		clf = nil
	}
	sum, err := p.acc.Summary(clf)
	return figures{Summary: sum}, err
}

// put sets a metric of a row to the metric of nc's key, with the note that it has.
func (f figures) put(row *record.Epoch, key string, m record.Metric) {
	v, note := f.metric(key)
	m.Set(row, v)
	addNote(row, m.Path, note)
}

// metric returns the metric of nc's key, and why it is NaN or what limits it.
func (f figures) metric(key string) (v float64, note string) {
	if f.Summary == nil {
		return math.NaN(), f.empty
	}
	v, _ = f.Value(key)
	return v, f.Note(key)
}

// addNote says why the number at a path of a row is null, or what limits it.
func addNote(row *record.Epoch, path, text string) {
	if text == "" {
		return
	}
	if row.Notes == nil {
		row.Notes = make(map[string]string)
	}
	row.Notes[path] = text
}

// calibration measures the split's probabilities.
func (l *look) calibration(row *record.Epoch, field string) (*record.Calibration, error) {
	src, err := l.source()
	if err != nil {
		return nil, err
	}
	s, err := calib.Summarise(src, calib.DefaultBins)
	if err != nil {
		return nil, err
	}
	c := &record.Calibration{NLL: record.Number(s.NLL), ECE: record.Number(s.ECE), Brier: record.Number(s.Brier),
		Entropy: record.Number(s.Entropy), Confidence: record.Number(s.Confidence)}
	for _, o := range []struct {
		name string
		of   calib.Outcome
		p    *part
		to   *record.Outcome
	}{{"correct", s.Correct, &l.correct, &c.Correct}, {"wrong", s.Wrong, &l.wrongs, &c.Wrong}} {
		*o.to = record.Outcome{N: int(o.of.N), NLL: record.Number(o.of.Loss), Entropy: record.Number(o.of.Entropy),
			Confidence: record.Number(o.of.Confidence)}
		sum, err := o.p.summary(nil)
		if err != nil {
			return nil, err
		}
		where := field + "." + o.name
		if o.of.N > 0 {
			where += ".nc1"
		}
		nc1, note := sum.metric("nc1")
		o.to.NC1 = record.Number(nc1)
		addNote(row, where, note)
	}
	c.Logits, err = l.logitSpread(row, field)
	return c, err
}

// source returns the split's logits as package calib reads them.
func (l *look) source() (calib.Source, error) { return calib.Slice32(l.logits, l.labels, l.k) }

// logitSpread compares the logits of the non-target classes; nil for two classes.
func (l *look) logitSpread(row *record.Epoch, field string) (*record.Logits, error) {
	if l.k < 3 {
		addNote(row, field+".logits", "K = 2: there is one non-target logit")
		return nil, nil
	}
	src, err := l.source()
	if err != nil {
		return nil, err
	}
	s, err := calib.SpreadOf(src)
	if err != nil {
		return nil, err
	}
	addNote(row, field+".logits.spread", s.Note)
	return &record.Logits{Spread: record.Number(s.Ratio), SD: record.Number(s.SD), Margin: record.Number(s.Margin)}, nil
}

// scaled fits a temperature on half of the samples, drawn by the seed, and measures the other
// half.
func (l *look) scaled(row *record.Epoch, seed int64) (*record.Scaled, error) {
	const path = "test_calibration.scaled"
	if len(l.labels) < calib.MinSplit {
		addNote(row, path, fmt.Sprintf("%d test samples cannot be split for a fit", len(l.labels)))
		return nil, nil
	}
	src, err := l.source()
	if err != nil {
		return nil, err
	}
	rep, err := calib.Measure(src, calib.Options{Seed: seed, Fast: true})
	if err != nil {
		return nil, err
	}
	addNote(row, path+".temperature", rep.Temperature.Bound)
	return &record.Scaled{
		Temperature: record.Number(rep.Temperature.T),
		NLL:         record.Number(rep.Scaled.NLL), ECE: record.Number(rep.Scaled.ECE),
		UnscaledNLL: record.Number(rep.Unscaled.NLL), UnscaledECE: record.Number(rep.Unscaled.ECE),
	}, nil
}

// writeLogits evaluates the test split and writes its logits and labels, as collapse
// calibrate reads them.
func (r *run) writeLogits(ctx context.Context) (logits []float32, file *record.File, err error) {
	k := r.engine.Network.Classes
	err = r.engine.Evaluate(ctx, EvaluateOptions{Test: true}, func(b *Batch) error {
		logits = append(logits, b.Logits...)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	path := filepath.Join(r.options.Out, LogitsFile)
	moment("write test logits")
	err = func() error {
		w, err := npz.Create(path)
		if err != nil {
			return err
		}
		err = npz.Write(w, "logits", []int{len(logits) / k, k}, logits)
		if err == nil {
			err = npz.Write(w, "labels", []int{len(r.set.Test.Labels)}, r.set.Test.Labels)
		}
		if err != nil {
			return errors.Join(err, w.Abort())
		}
		return w.Close()
	}()
	if err != nil {
		return nil, nil, fmt.Errorf("train: writing the test logits: %w", err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("train: test logits: %w", err)
	}
	return logits, &record.File{Name: LogitsFile, Size: int64(len(b)), SHA256: hash(b)}, nil
}
