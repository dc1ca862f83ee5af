package files

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gocollapse/collapse/internal/ahead"
	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/npz"
)

// samples are the samples of one kind in all files, an nc.Source.
type samples struct {
	m     *measurer
	parts []part
}

// part is a file's features with their labels.
type part struct {
	path             string
	features, labels *npz.Array // labels is nil for out-of-distribution samples
}

func (p part) rows() int { return p.features.Shape[0] }

func (p part) d() int { return p.features.Shape[1] }

// rows returns the number of samples in parts.
func rows(parts []part) (n int64) {
	for _, p := range parts {
		n += int64(p.rows())
	}
	return n
}

// Shape returns the number of samples and the dimension of their features.
func (s *samples) Shape() (n int64, d int) { return rows(s.parts), s.parts[0].d() }

// Each gives visit the batches of all parts in order, and counts their rows as done.
func (s *samples) Each(ctx context.Context, visit func(nc.Batch) error) error {
	for _, p := range s.parts {
		err := p.read(func(b nc.Batch) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := visit(b); err != nil {
				return err
			}
			s.m.progress(int64(len(b.Labels)))
			return nil
		})
		if err != nil {
			if len(s.parts) > 1 {
				err = fmt.Errorf("%w (samples are counted over all files)", err)
			}
			return fmt.Errorf("%s: %w", p.path, err)
		}
	}
	return nil
}

// EachLabel gives visit all labels, in pieces.
func (s *samples) EachLabel(ctx context.Context, visit func(labels []int32) error) error {
	for _, p := range s.parts {
		if err := p.eachLabel(ctx, visit); err != nil {
			return fmt.Errorf("%s: %w", p.path, err)
		}
	}
	return nil
}

// eachLabel gives visit the labels of a part; none if it has none.
func (p part) eachLabel(ctx context.Context, visit func([]int32) error) error {
	if p.labels == nil {
		return nil
	}
	r, err := p.labels.Reader()
	if err != nil {
		return err
	}
	defer r.Close()
	y := make([]int32, 1<<16)
	for {
		n, err := r.Int32(y)
		if err == io.EOF {
			return nil
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if err := visit(y[:n]); err != nil {
			return err
		}
	}
}

// name names the files of the samples.
func (s *samples) name() string {
	if n := len(s.parts); n > 1 {
		return fmt.Sprintf("%s and %d more files", s.parts[0].path, n-1)
	}
	return s.parts[0].path
}

// progress counts rows as done.
func (m *measurer) progress(rows int64) {
	m.done += rows
	if m.options.Progress != nil {
		m.options.Progress(m.done, m.total)
	}
}

// buffer is the memory of a batch, in the type of the file: narrow or wide is set.
type buffer struct {
	narrow []float32 // B×d
	wide   []float64 // B×d
	labels []int32   // B
}

func (b buffer) batch() nc.Batch {
	if b.wide != nil {
		return nc.BatchOf(b.wide, b.labels)
	}
	return nc.BatchOf(b.narrow, b.labels)
}

// read gives visit the batches of a part. The next is read from the disk while visit works on one.
func (p part) read(visit func(nc.Batch) error) (err error) {
	x, err := p.features.Reader()
	if err != nil {
		return err
	}
	var y *npz.Reader
	if p.labels != nil {
		if y, err = p.labels.Reader(); err != nil {
			return errors.Join(err, x.Close())
		}
	}
	d := p.d()
	defer func() {
		err = errors.Join(err, x.Close())
		if y != nil {
			err = errors.Join(err, y.Close())
		}
	}()
	rows := min(nc.BatchRows(d), max(1, p.rows()))
	buffers := make([]buffer, 2)
	for i := range buffers {
		buffers[i].labels = make([]int32, rows)
		if p.features.FitsFloat32() {
			buffers[i].narrow = make([]float32, rows*d)
		} else {
			buffers[i].wide = make([]float64, rows*d)
		}
	}
	return ahead.Read(buffers, func(b buffer) (buffer, error) {
		var n int
		var err error
		if b.wide != nil {
			n, err = x.Float64(b.wide)
			b.wide = b.wide[:n]
		} else {
			n, err = x.Float32(b.narrow)
			b.narrow = b.narrow[:n]
		}
		b.labels = b.labels[:n/d]
		if err == nil && y != nil {
			// There is one for each row, as fit has seen.
			_, err = y.Int32(b.labels)
		}
		return b, err
	}, func(b buffer) error { return visit(b.batch()) })
}
