package measure

import (
	"errors"
	"fmt"

	"github.com/gocollapse/collapse/internal/ahead"
	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/npz"
)

// batchElements is how many features a batch has, so that its memory does not
// depend on d.
const batchElements = 1 << 19

// batch is some rows of a part, in the type of the file: narrow or wide is set.
type batch struct {
	narrow []float32 // B×d
	wide   []float64 // B×d
	labels []int32   // B
}

// add adds the batch to the first pass.
func (b batch) add(acc *nc.Accumulator) error {
	if b.wide != nil {
		return acc.Add64(b.wide, b.labels)
	}
	return acc.Add(b.narrow, b.labels)
}

// addSecond adds the batch to the second pass.
func (b batch) addSecond(acc *nc.Accumulator) error {
	if b.wide != nil {
		return acc.AddSecond64(b.wide, b.labels)
	}
	return acc.AddSecond(b.narrow, b.labels)
}

// nearest sets out to the classes whose training means are nearest.
func (b batch) nearest(acc *nc.Accumulator, out []int32) error {
	if b.wide != nil {
		return acc.NearestMean64(b.wide, out)
	}
	return acc.NearestMean(b.narrow, out)
}

// decide sets out to the classes that the classifier gives.
func (b batch) decide(c *nc.Classifier, out []int32) error {
	if b.wide != nil {
		return c.Decide64(b.wide, out)
	}
	return c.Decide(b.narrow, out)
}

// margins sets out to the samples' margins.
func (b batch) margins(c *nc.Classifier, out []float64) error {
	if b.wide != nil {
		return c.Margins64(b.wide, b.labels, out)
	}
	return c.Margins(b.narrow, b.labels, out)
}

// clear empties the batch and keeps its memory.
func (b *batch) clear() {
	b.narrow, b.wide, b.labels = b.narrow[:0], b.wide[:0], b.labels[:0]
}

// append appends row i of from with a label.
func (b *batch) append(from batch, i, d int, label int32) {
	if from.wide != nil {
		b.wide = append(b.wide, from.wide[i*d:(i+1)*d]...)
	} else {
		b.narrow = append(b.narrow, from.narrow[i*d:(i+1)*d]...)
	}
	b.labels = append(b.labels, label)
}

// addCovariance adds the batch to the covariance.
func (b batch) addCovariance(cov *nc.Covariance) error {
	if b.wide != nil {
		return cov.Add64(b.wide, b.labels)
	}
	return cov.Add(b.narrow, b.labels)
}

// measured is an accumulator after both passes, with the covariance if it was asked
// for.
type measured struct {
	*nc.Accumulator
	cov   *nc.Covariance
	decay float64
}

func (m *measured) summary() (*nc.Summary, error) {
	sum, err := m.Accumulator.Summary(nil)
	if err != nil || m.cov == nil {
		return sum, err
	}
	if sum.Covariance, err = m.cov.Summary(); err != nil {
		return nil, err
	}
	if c := m.Classifier(); c != nil {
		sum.MSE, err = m.cov.MSE(c, m.decay)
	}
	return sum, err
}

// accumulate runs both passes over parts. look, if given, sees every batch of the
// first pass.
func (m *measurer) accumulate(parts []part, c *nc.Classifier, full bool, look func(batch) error) (*measured, error) {
	acc, err := nc.NewAccumulator(m.k, parts[0].d())
	if err != nil {
		return nil, err
	}
	acc.Global = m.options.Global
	err = m.pass(parts, func(b batch) error {
		err := b.add(acc)
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
	return m.second(parts, acc, c, full)
}

// second runs the second pass of acc over parts.
func (m *measurer) second(parts []part, acc *nc.Accumulator, c *nc.Classifier, full bool) (*measured, error) {
	if c != nil {
		if err := acc.SetClassifier(c); err != nil {
			return nil, err
		}
	}
	out := &measured{Accumulator: acc, decay: m.options.Decay}
	if full {
		if need := nc.CovarianceBytes(acc.D()); need > m.options.memory() {
			return nil, fmt.Errorf("measure: the covariance of d = %d dimensions needs %s, more than the memory bound of %s",
				acc.D(), size(need), size(m.options.memory()))
		}
		var err error
		if out.cov, err = nc.NewCovariance(acc); err != nil {
			return nil, err
		}
	}
	return out, m.pass(parts, func(b batch) error {
		if err := b.addSecond(acc); err != nil || out.cov == nil {
			return err
		}
		return b.addCovariance(out.cov)
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
	rows := min(max(1, batchElements/d), max(1, p.features.Shape[0]))
	buffers := make([]batch, 2)
	for i := range buffers {
		buffers[i].labels = make([]int32, rows)
		if p.features.IsFloat32() {
			buffers[i].narrow = make([]float32, rows*d)
		} else {
			buffers[i].wide = make([]float64, rows*d)
		}
	}
	return ahead.Read(buffers, func(b batch) (batch, error) {
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
	}, func(b batch) error {
		if err := m.ctx.Err(); err != nil {
			return err
		}
		if err := f(b); err != nil {
			return err
		}
		m.done += int64(len(b.labels))
		if m.options.Progress != nil {
			m.options.Progress(m.done, m.total)
		}
		return nil
	})
}
