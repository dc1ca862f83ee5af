package measure

import (
	"errors"
	"fmt"
	"io"

	"github.com/gocollapse/collapse/nc"
)

// batchElements is how many features a batch has, so that its memory does not
// depend on d.
const batchElements = 1 << 19

// batch is some rows of a part, in the type of the file: narrow or wide is set.
type batch struct {
	narrow []float32 // B×d
	wide   []float64 // B×d
	labels []int32   // B
	err    error
}

// accumulate runs both passes over parts. look, if given, sees every batch of the
// first pass.
func (m *measurer) accumulate(parts []part, c *nc.Classifier, look func(batch) error) (*nc.Accumulator, error) {
	acc, err := nc.NewAccumulator(m.k, m.d)
	if err != nil {
		return nil, err
	}
	acc.Global = m.options.Global
	err = m.pass(parts, func(b batch) error {
		var err error
		if b.wide != nil {
			err = acc.Add64(b.wide, b.labels)
		} else {
			err = acc.Add(b.narrow, b.labels)
		}
		if err == nil && look != nil {
			err = look(b)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := acc.BeginSecond(); err != nil {
		return nil, err
	}
	if c != nil {
		if err := acc.SetClassifier(c); err != nil {
			return nil, err
		}
	}
	return acc, m.pass(parts, func(b batch) error {
		if b.wide != nil {
			return acc.AddSecond64(b.wide, b.labels)
		}
		return acc.AddSecond(b.narrow, b.labels)
	})
}

// pass gives f the batches of all parts in order.
func (m *measurer) pass(parts []part, f func(batch) error) error {
	for _, p := range parts {
		if err := m.read(p, f); err != nil {
			if len(parts) > 1 {
				err = fmt.Errorf("%w (samples are counted over all files)", err)
			}
			return fmt.Errorf("%s: %w", p.path, err)
		}
	}
	return nil
}

// read gives f the batches of a part. The next is read from the disk while f
// works on one.
func (m *measurer) read(p part, f func(batch) error) (err error) {
	x, err := p.features.Reader()
	if err != nil {
		return err
	}
	y, err := p.labels.Reader()
	if err != nil {
		return errors.Join(err, x.Close())
	}
	rows := min(max(1, batchElements/m.d), max(1, p.features.Shape[0]))
	full, free := make(chan batch, 1), make(chan batch, 2)
	for range cap(free) {
		b := batch{labels: make([]int32, rows)}
		if p.features.IsFloat32() {
			b.narrow = make([]float32, rows*m.d)
		} else {
			b.wide = make([]float64, rows*m.d)
		}
		free <- b
	}
	stop := make(chan struct{})
	defer func() {
		close(stop)
		for range full { // until the reading goroutine has ended
		}
		err = errors.Join(err, x.Close(), y.Close())
	}()
	go func() {
		defer close(full)
		for {
			var b batch
			select {
			case b = <-free:
			case <-stop:
				return
			}
			var n int
			if n, b.err = y.Int32(b.labels); b.err == io.EOF {
				return
			}
			narrow, wide := b.narrow, b.wide
			switch {
			case b.err != nil:
			case wide != nil:
				b.wide = wide[:n*m.d]
				n, b.err = x.Float64(b.wide)
			default:
				b.narrow = narrow[:n*m.d]
				n, b.err = x.Float32(b.narrow)
			}
			b.labels = b.labels[:n/m.d]
			select {
			case full <- b:
			case <-stop:
				return
			}
			if b.err != nil {
				return
			}
		}
	}()
	for b := range full {
		if b.err == nil {
			b.err = m.ctx.Err()
		}
		if b.err == nil {
			b.err = f(b)
		}
		if b.err != nil {
			return b.err
		}
		m.done += int64(len(b.labels))
		if m.options.Progress != nil {
			m.options.Progress(m.done, m.total)
		}
		free <- batch{
			narrow: b.narrow[:cap(b.narrow)], wide: b.wide[:cap(b.wide)], labels: b.labels[:cap(b.labels)],
		}
	}
	return nil
}
