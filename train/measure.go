package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/npz"
	"github.com/gocollapse/collapse/record"
)

// noTestImages is why a run without test images has no test metrics.
const noTestImages = "the data set has no test images"

// fill evaluates both splits into a row. Without test images the test metrics are NaN, with a note.
func (r *run) fill(ctx context.Context, row *record.Epoch) error {
	clf, err := r.engine.Classifier()
	if err != nil {
		return err
	}
	train := r.newEvaluation(row, false)
	o := nc.Options{Outcomes: true, Context: ctx}
	var test *evaluation
	if r.set.Test.Len() > 0 {
		test = r.newEvaluation(row, true)
		o.Test = test
	}
	sum, err := measured(nc.Measure(train, *clf, o))
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
	if row.Train, err = train.calibration(row, "train_calibration", sum); err != nil {
		return err
	}
	row.Picture = train.picture(sum, clf)
	if test == nil {
		withoutTest(row)
		return nil
	}
	return r.fillTest(row, test, sum, func() (*nc.Summary, error) {
		o.Test = nil
		return nc.Measure(test, *clf, o)
	})
}

// fillTest fills the test metrics of a row. sum is the collapse of the training split; alone
// measures the test split where sum has none.
func (r *run) fillTest(row *record.Epoch, test *evaluation, sum collapse, alone func() (*nc.Summary, error)) error {
	var testSum collapse
	var err error
	if sum.Summary != nil {
		testSum = sum.part(sum.Test, "test")
	} else if testSum, err = measured(alone()); err != nil {
		return err
	}
	m := float64(len(test.labels))
	row.TestLoss, row.TestError = record.Number(test.loss/m), record.Number(float64(test.wrong)/m)
	for key, from := range map[string]string{"test_nc1": "nc1", "test_nc2": "nc2", "test_nc3": "nc3"} {
		m, _ := record.MetricByKey(key)
		testSum.put(row, from, m)
	}
	nccTest, _ := record.MetricByKey("ncc_test_error")
	sum.put(row, "ncc_test_error", nccTest)
	if row.Test, err = test.calibration(row, "test_calibration", testSum); err != nil {
		return err
	}
	row.Test.Scaled, err = test.scaled(row, r.spec.Seed)
	return err
}

// withoutTest makes every test metric of a row NaN and says why.
func withoutTest(row *record.Epoch) {
	for _, key := range []string{"test_loss", "test_error", "ncc_test_error", "test_nc1", "test_nc2", "test_nc3"} {
		m, _ := record.MetricByKey(key)
		m.Set(row, math.NaN())
		addNote(row, m.Path, noTestImages)
	}
	addNote(row, "test_calibration", noTestImages)
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

// calibration measures the split's probabilities, and takes NC1 of the outcomes from its collapse.
func (e *evaluation) calibration(row *record.Epoch, field string, of collapse) (*record.Calibration, error) {
	src, err := e.source()
	if err != nil {
		return nil, err
	}
	sum, err := calib.Summarise(src, calib.DefaultBins)
	if err != nil {
		return nil, err
	}
	c := &record.Calibration{NLL: record.Number(sum.NLL), ECE: record.Number(sum.ECE), Brier: record.Number(sum.Brier),
		Entropy: record.Number(sum.Entropy), Confidence: record.Number(sum.Confidence)}
	correct, wrong := of.outcomes()
	for _, o := range []struct {
		name     string
		of       calib.Outcome
		collapse collapse
		to       *record.Outcome
	}{{"correct", sum.Correct, correct, &c.Correct}, {"wrong", sum.Wrong, wrong, &c.Wrong}} {
		*o.to = record.Outcome{N: int(o.of.N), NLL: record.Number(o.of.Loss), Entropy: record.Number(o.of.Entropy),
			Confidence: record.Number(o.of.Confidence)}
		where := field + "." + o.name
		if o.of.N > 0 {
			where += ".nc1"
		}
		nc1, note := o.collapse.metric("nc1")
		o.to.NC1 = record.Number(nc1)
		addNote(row, where, note)
	}
	c.Logits, err = e.logitSpread(row, field)
	return c, err
}

// source returns the split's logits as package calib reads them.
func (e *evaluation) source() (calib.Source, error) { return calib.Slice32(e.logits, e.labels, e.k) }

// logitSpread compares the logits of the non-target classes; nil for two classes.
func (e *evaluation) logitSpread(row *record.Epoch, field string) (*record.Logits, error) {
	if e.k < 3 {
		addNote(row, field+".logits", "K = 2: there is one non-target logit")
		return nil, nil
	}
	src, err := e.source()
	if err != nil {
		return nil, err
	}
	spread, err := calib.SpreadOf(src)
	if err != nil {
		return nil, err
	}
	addNote(row, field+".logits.spread", spread.Note)
	return &record.Logits{Spread: record.Number(spread.Ratio), SD: record.Number(spread.SD),
		Margin: record.Number(spread.Margin)}, nil
}

// scaled fits a temperature on half of the samples, drawn by the seed, and measures the other
// half.
func (e *evaluation) scaled(row *record.Epoch, seed int64) (*record.Scaled, error) {
	const path = "test_calibration.scaled"
	if len(e.labels) < calib.MinSplit {
		addNote(row, path, fmt.Sprintf("%d test samples cannot be split for a fit", len(e.labels)))
		return nil, nil
	}
	src, err := e.source()
	if err != nil {
		return nil, err
	}
	rep, err := calib.Measure(src, calib.Options{Seed: seed, Fast: true})
	if err != nil {
		return nil, err
	}
	addNote(row, path+".temperature", rep.Temperature.Note)
	return &record.Scaled{
		Temperature: record.Number(rep.Temperature.T),
		NLL:         record.Number(rep.Scaled.NLL), ECE: record.Number(rep.Scaled.ECE),
		UnscaledNLL: record.Number(rep.Unscaled.NLL), UnscaledECE: record.Number(rep.Unscaled.ECE),
	}, nil
}

// writeLogits evaluates the test split and writes its logits and labels, as collapse
// calibrate reads them. Without test images there is no file.
func (r *run) writeLogits(ctx context.Context) (logits []float32, file *record.File, err error) {
	if r.set.Test.Len() == 0 {
		return nil, nil, nil
	}
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
