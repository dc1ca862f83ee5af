// Package files reads logits from .npz files for package calib. A file holds
//
//	logits  N×K  logits (or probabilities, see Kind), or N scores of class 1 of two
//	labels  N    whole numbers 0…K−1
//
// in any type that package npz reads: float16, bfloat16, float32, float64, whole numbers, bool. The
// numbers count, not their type: a label may be saved as 3.0.
// OpenTest reads test_logits and test_labels. Other arrays are ignored.
// Every pass streams the file again, unless float32 holds its logits in at most 256 MiB: then
// they stay in memory.
package files

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/internal/ahead"
	"github.com/gocollapse/collapse/internal/labels"
	"github.com/gocollapse/collapse/npz"
)

// batchElements is the number of logits in a batch.
const batchElements = 1 << 18

// File is an open .npz file of logits, a calib.Source.
type File struct {
	ctx            context.Context
	path           string
	prefix         string // of the arrays' names
	file           *npz.File
	logits, labels *npz.Array
	n              int64
	k              int
	columns        int // of the array: K, or 1 of scores
	kind           Kind
	note           string
	kept           []float32 // all logits, if they fit in keepBytes
	keptLabels     []int32
}

// Open opens a file and reads it once to check it. It is an error if a label is out of range or a
// number is NaN or too large, and the error names the sample; −∞ masks a class.
//
// kind says what the numbers are. Rows of Probabilities must be distributions within the rounding
// that calib.RowSums states, rows of LogProbabilities the logarithms of such. With Guess the file is
// refused if, in this order,
//
//   - every number lies in [0, 1], no row sums to more than 1.05 and more than one in twenty to less
//     than 0.95: probabilities without one of their columns, or outputs of sigmoids;
//   - more than half of the rows lie in [0, 1] and sum to 1 within 0.05: probabilities;
//   - more than half lie in [0, 100] and sum to 100 within 5: percentages;
//   - more than half are probabilities once a certain column is left out: an extra column;
//   - every number lies in [0, 1]: outputs of sigmoids.
//
// Signs of features or of log-probabilities, which are logits as well, are only noted: see Note.
//
// An array of N or N×1 scores of class 1 becomes two columns, as calib.Binary makes them. With
// Guess it is refused if all lie in [0, 1].
func Open(ctx context.Context, path string, kind Kind) (*File, error) {
	return open(ctx, path, "", kind)
}

// OpenTest is Open for test_logits and test_labels, the arrays that collapse features writes for
// the test split.
func OpenTest(ctx context.Context, path string, kind Kind) (*File, error) {
	return open(ctx, path, "test_", kind)
}

func open(ctx context.Context, path, prefix string, kind Kind) (*File, error) {
	f, err := npz.Open(path)
	if err != nil {
		return nil, err
	}
	s := &File{ctx: ctx, path: path, file: f, prefix: prefix, kind: kind}
	if err := s.check(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Note says what was seen in the file and done with it, or is "".
func (s *File) Note() string { return s.note }

// Close closes the file.
func (s *File) Close() error { return s.file.Close() }

// Shape returns the number of samples and of classes.
func (s *File) Shape() (int64, int) { return s.n, s.k }

func (s *File) check() error {
	logits, classes := s.prefix+"logits", s.prefix+"labels"
	for _, name := range []string{logits, classes} {
		if !s.file.Has(name) {
			return s.absent(name)
		}
	}
	var err error
	if s.logits, err = s.file.Array(logits); err != nil {
		return err
	}
	if s.labels, err = s.file.Array(classes); err != nil {
		return err
	}
	shape := s.logits.Shape
	if err := s.checkShape(logits, shape); err != nil {
		return err
	}
	s.n, s.columns = int64(shape[0]), 1
	if len(shape) == 2 {
		s.columns = shape[1]
	}
	if s.k = s.columns; s.columns == 1 {
		s.k = 2
	}
	switch {
	case s.n == 0:
		return errors.New("no samples")
	case s.k < 2:
		return calib.CheckClasses(s.k)
	}
	if err := labels.CheckShape(classes, s.labels, int(s.n), "rows of "+logits); err != nil {
		return err
	}
	return s.checkRows()
}

// absent reports an array that is not in the file.
func (s *File) absent(name string) error {
	names := s.file.Names()
	if slices.Equal(names, []string{""}) {
		return errors.New("a .npy file holds one array; save logits and labels together: " +
			"numpy.savez(path, logits=…, labels=…)")
	}
	remedy := fmt.Sprintf("save %[1]slogits and %[1]slabels: numpy.savez(path, %[1]slogits=…, %[1]slabels=…)",
		s.prefix)
	if s.prefix != "" && s.file.Has("logits") {
		remedy = "the file has logits of no test split: say --split labels"
	} else if s.prefix == "" && s.file.Has("test_"+name) {
		remedy = "the file has a test split: say --split test"
	}
	return fmt.Errorf("no array %q; there are %q; %s", name, names, remedy)
}

// checkShape reports logits that are not N×K or N.
func (s *File) checkShape(name string, shape []int) error {
	n := -1
	if len(s.labels.Shape) == 1 {
		n = s.labels.Shape[0]
	}
	remedy := ""
	switch {
	case len(shape) == 2 && shape[1] == n && shape[0] != n:
		remedy = fmt.Sprintf("; they seem to be K×N: save %s.T", name)
	case len(shape) == 1 || len(shape) == 2:
		return nil
	case len(shape) > 2 && shape[0] == n:
		remedy = fmt.Sprintf("; save %s.reshape(len(%s), -1) if a sample has K numbers", name, name)
	case len(shape) > 2:
		remedy = "; of N×K×H×W maps save x.transpose(0, 2, 3, 1).reshape(-1, K), and the labels as y.ravel()"
	}
	return fmt.Errorf("%s have shape %v, want N×K, or N scores of two classes%s", name, shape, remedy)
}

// checkRows reads the file once and checks every row.
func (s *File) checkRows() error {
	seen := newLook(s.kind, s.k, s.columns == 1)
	var i int64
	err := s.each(func(logits []float64, labels []int32) error {
		for j, y := range labels {
			row := logits[j*s.k : (j+1)*s.k]
			if err := calib.CheckRow(i, row, y); err != nil {
				return err
			}
			if s.columns == 1 && s.kind == Guess {
				row = row[1:]
			}
			if err := seen.add(i, row, y); err != nil {
				return err
			}
			i++
		}
		return nil
	})
	if err != nil {
		return err
	}
	if s.note, err = seen.verdict(); err == nil && s.columns == 1 {
		s.note = s.scoreNote()
	}
	return err
}

// scoreNote says what was made of one score per sample.
func (s *File) scoreNote() string {
	switch s.kind {
	case Probabilities:
		return "one probability p of class 1 per sample: taken as the two columns 1 − p and p"
	case LogProbabilities:
		return "one log-probability of class 1 per sample: taken as the two columns log(1 − p) and log p"
	}
	return "one logit z of class 1 per sample: taken as the two columns 0 and z"
}

// expand writes the K columns of rows of the array.
func (s *File) expand(out, in []float64) {
	if s.columns == s.k {
		copy(out, in)
		return
	}
	for i, v := range in {
		if s.kind == LogProbabilities {
			// log(1 − e^v) without cancellation near v = 0 and near v = −∞.
			out[2*i], out[2*i+1] = math.Log(-math.Expm1(v)), v
			continue
		}
		out[2*i], out[2*i+1] = calib.BinaryRow(v, s.kind == Probabilities)
	}
}

// Each calls f with the batches of the file.
func (s *File) Each(f func(logits []float64, labels []int32) error) error {
	if err := s.each(f); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	return nil
}

// keepBytes bounds the float32 logits that are kept in memory after the first pass.
const keepBytes = 256 << 20

// batch is what is read at once.
type batch struct {
	array  []float64 // as in the file
	narrow []float32 // the same where float32 holds it
	logits []float64 // K columns; array itself if it has these
	labels []int32
}

// batches returns two buffers for n rows.
func (s *File) batches(rows int) []batch {
	buffers := make([]batch, 2)
	for i := range buffers {
		b := batch{array: make([]float64, rows*s.columns), labels: make([]int32, rows)}
		if s.logits.FitsFloat32() {
			b.narrow = make([]float32, rows*s.columns)
		}
		if b.logits = b.array; s.columns != s.k {
			b.logits = make([]float64, rows*s.k)
		}
		buffers[i] = b
	}
	return buffers
}

// each calls f with the batches. It reads the next batch while f works on one.
func (s *File) each(f func(logits []float64, labels []int32) error) (err error) {
	rows := int(min(int64(max(1, batchElements/s.k)), s.n))
	if s.kept != nil {
		return s.eachKept(rows, f)
	}
	x, err := s.logits.Reader()
	if err != nil {
		return err
	}
	y, err := s.labels.Reader()
	if err != nil {
		return errors.Join(err, x.Close())
	}
	defer func() { err = errors.Join(err, x.Close(), y.Close()) }()
	keep := s.logits.FitsFloat32() && 4*s.n*int64(s.columns) <= keepBytes
	var kept []float32
	var keptLabels []int32
	err = ahead.Read(s.batches(rows), func(b batch) (batch, error) {
		var n int
		var err error
		if b.narrow != nil {
			n, err = x.Float32(b.narrow)
			widen(b.array, b.narrow[:n])
		} else {
			n, err = x.Float64(b.array)
		}
		b.array, b.labels = b.array[:n], b.labels[:n/s.columns]
		b.logits = b.logits[:len(b.labels)*s.k]
		if s.columns != s.k {
			s.expand(b.logits, b.array)
		}
		if err == nil {
			_, err = y.Int32(b.labels)
		}
		return b, err
	}, func(b batch) error {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		if err := f(b.logits, b.labels); err != nil {
			return err
		}
		if keep {
			kept = append(kept, b.narrow[:len(b.array)]...)
			keptLabels = append(keptLabels, b.labels...)
		}
		return nil
	})
	if err == nil {
		s.kept, s.keptLabels = kept, keptLabels
	}
	return err
}

// eachKept is each of numbers that are in memory.
func (s *File) eachKept(rows int, f func(logits []float64, labels []int32) error) error {
	array, logits := make([]float64, rows*s.columns), make([]float64, rows*s.k)
	for i := 0; i < len(s.keptLabels); i += rows {
		to := min(i+rows, len(s.keptLabels))
		a, z := array[:(to-i)*s.columns], logits[:(to-i)*s.k]
		widen(a, s.kept[i*s.columns:to*s.columns])
		s.expand(z, a)
		if err := errors.Join(s.ctx.Err(), f(z, s.keptLabels[i:to])); err != nil {
			return err
		}
	}
	return nil
}

func widen(out []float64, in []float32) {
	out = out[:len(in)]
	for i, v := range in {
		out[i] = float64(v)
	}
}
