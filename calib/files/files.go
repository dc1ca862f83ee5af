// Package files reads logits from .npz files for package calib. A file holds
//
//	logits  N×K  float32 or float64 (or probabilities, see Open)
//	labels  N    whole numbers 0…K−1
//
// and optionally test_logits and test_labels, which OpenTest reads. Other arrays are ignored.
// Every pass streams the file again, unless its logits are float32 and take at most 256 MiB: then
// they stay in memory.
package files

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/internal/ahead"
	"github.com/gocollapse/collapse/npz"
)

// batchElements is the number of logits in a batch.
const batchElements = 1 << 18

// tolerance bounds the distance of a sum of probabilities from 1: the rounding of a softmax in
// float16.
const tolerance = 2e-3

// File is an open .npz file of logits, a calib.Source.
type File struct {
	ctx            context.Context
	path           string
	prefix         string // of the arrays' names
	file           *npz.File
	logits, labels *npz.Array
	n              int64
	k              int
	probabilities  bool
	kept           []float32 // all logits, if they fit in keepBytes
	keptLabels     []int32
}

// Open opens a file and reads it once to check it. It is an error if a logit is not finite or a
// label is out of range (the error names the sample), or if there are fewer than two classes. With
// probabilities, every row must hold numbers in [0, 1] that sum to 1. Without, it is an error if
// all rows do: the file then holds probabilities, and their softmax would be wrong.
func Open(ctx context.Context, path string, probabilities bool) (*File, error) {
	return open(ctx, path, "", probabilities)
}

// OpenTest is Open for test_logits and test_labels, the arrays that collapse features writes for
// the test split.
func OpenTest(ctx context.Context, path string, probabilities bool) (*File, error) {
	return open(ctx, path, "test_", probabilities)
}

func open(ctx context.Context, path, prefix string, probabilities bool) (*File, error) {
	f, err := npz.Open(path)
	if err != nil {
		return nil, err
	}
	s := &File{ctx: ctx, path: path, file: f, prefix: prefix, probabilities: probabilities}
	if err := s.check(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Close closes the file.
func (s *File) Close() error { return s.file.Close() }

// Shape returns the number of samples and of classes.
func (s *File) Shape() (int64, int) { return s.n, s.k }

func (s *File) check() error {
	logits, labels := s.prefix+"logits", s.prefix+"labels"
	for _, name := range []string{logits, labels} {
		if !s.file.Has(name) {
			return fmt.Errorf("no array %q; there are %q", name, s.file.Names())
		}
	}
	var err error
	if s.logits, err = s.file.Array(logits); err != nil {
		return err
	}
	if s.labels, err = s.file.Array(labels); err != nil {
		return err
	}
	if len(s.logits.Shape) != 2 || !s.logits.IsFloat() {
		return fmt.Errorf("%s have shape %v and type %q, want N×K floating-point numbers",
			logits, s.logits.Shape, s.logits.DType)
	}
	s.n, s.k = int64(s.logits.Shape[0]), s.logits.Shape[1]
	switch {
	case s.n == 0:
		return errors.New("no samples")
	case s.k < 2:
		return calib.CheckClasses(s.k)
	case len(s.labels.Shape) != 1 || int64(s.labels.Shape[0]) != s.n:
		return fmt.Errorf("%s have shape %v, want one for each of the %d rows of %s",
			labels, s.labels.Shape, s.n, logits)
	case s.labels.IsFloat():
		return fmt.Errorf("%s are of type %q, want whole numbers; write y.astype('int64')", labels, s.labels.DType)
	}
	// A single row that is not a distribution shows that the file holds logits.
	distributions := true
	var i int64
	err = s.each(func(logits []float64, labels []int32) error {
		for j, y := range labels {
			row := logits[j*s.k : (j+1)*s.k]
			if err := calib.CheckRow(i, row, y); err != nil {
				return err
			}
			if !distribution(row) {
				if distributions = false; s.probabilities {
					return fmt.Errorf("row %d is not a distribution: want probabilities in [0, 1] that sum to 1", i)
				}
			}
			i++
		}
		return nil
	})
	if err == nil && distributions && !s.probabilities {
		err = errors.New("every row lies in [0, 1] and sums to 1: " +
			"these are probabilities, not logits; say so with --probabilities")
	}
	return err
}

func distribution(row []float64) bool {
	var sum float64
	for _, v := range row {
		if !(v >= 0 && v <= 1+tolerance) {
			return false
		}
		sum += v
	}
	return math.Abs(sum-1) <= tolerance
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

// each calls f with the batches. It reads the next batch while f works on one.
func (s *File) each(f func(logits []float64, labels []int32) error) (err error) {
	rows := int(min(int64(max(1, batchElements/s.k)), s.n))
	if s.kept != nil {
		logits := make([]float64, rows*s.k)
		for i := 0; i < len(s.keptLabels); i += rows {
			to := min(i+rows, len(s.keptLabels))
			z := logits[:(to-i)*s.k]
			widen(z, s.kept[i*s.k:to*s.k])
			if err := errors.Join(s.ctx.Err(), f(z, s.keptLabels[i:to])); err != nil {
				return err
			}
		}
		return nil
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
	type batch struct {
		logits []float64
		labels []int32
		narrow []float32 // where the file has float32
	}
	buffers := make([]batch, 2)
	for i := range buffers {
		buffers[i] = batch{logits: make([]float64, rows*s.k), labels: make([]int32, rows)}
		if s.logits.IsFloat32() {
			buffers[i].narrow = make([]float32, rows*s.k)
		}
	}
	keep := s.logits.IsFloat32() && 4*s.n*int64(s.k) <= keepBytes
	var kept []float32
	var keptLabels []int32
	err = ahead.Read(buffers, func(b batch) (batch, error) {
		var n int
		var err error
		if b.narrow != nil {
			n, err = x.Float32(b.narrow)
			widen(b.logits, b.narrow[:n])
		} else {
			n, err = x.Float64(b.logits)
		}
		b.logits, b.labels = b.logits[:n], b.labels[:n/s.k]
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
			kept = append(kept, b.narrow[:len(b.logits)]...)
			keptLabels = append(keptLabels, b.labels...)
		}
		return nil
	})
	if err == nil {
		s.kept, s.keptLabels = kept, keptLabels
	}
	return err
}

func widen(out []float64, in []float32) {
	out = out[:len(in)]
	for i, v := range in {
		out[i] = float64(v)
	}
}
