package measure

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/gocollapse/collapse/internal/atomic"
	"github.com/gocollapse/collapse/nc"
)

// Accumulated is Files that also returns the accumulator of the training samples,
// for its state and geometry; it is nil where only features_NAME were found.
func Accumulated(ctx context.Context, paths []string, o Options) (*nc.Summary, *nc.Accumulator, error) {
	m, err := open(ctx, paths, o)
	if err != nil {
		return nil, nil, err
	}
	defer m.close()
	return m.run()
}

// WriteState writes the state of an accumulator, as ReadStates reads it, to a file.
func WriteState(path string, acc *nc.Accumulator) error {
	b, err := acc.MarshalBinary()
	if err != nil {
		return err
	}
	return atomic.WriteFile(path, b)
}

// ReadStates reads states of WriteState from files.
func ReadStates(paths []string) ([]*nc.Accumulator, error) {
	var out []*nc.Accumulator
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("measure: %w", err)
		}
		acc := new(nc.Accumulator)
		if err := acc.UnmarshalBinary(b); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, acc)
	}
	if len(out) == 0 {
		return nil, errors.New("measure: no state was named")
	}
	return out, nil
}

// Around runs the second pass over the training samples in the files at paths
// around the means of all states together, which must be those of the first passes
// of the whole data set, this part's among them. The result is merged by Merge with
// those of the other parts. The classifier is that of the files or, where they have
// none, of a state.
func Around(ctx context.Context, paths []string, states []*nc.Accumulator, o Options) (*nc.Accumulator, error) {
	m, err := open(ctx, paths, o)
	if err != nil {
		return nil, err
	}
	defer m.close()
	if len(m.train) == 0 {
		return nil, errors.New("measure: no file has features and labels")
	}
	clf := m.clf
	var whole *nc.Accumulator
	for i, s := range states {
		if clf == nil {
			clf = s.Classifier()
		}
		if i == 0 {
			whole = s.FirstPass()
		} else if err := whole.Merge(s.FirstPass()); err != nil {
			return nil, err
		}
	}
	if whole.K() != m.k && m.clf == nil && m.options.K == 0 {
		m.k = whole.K() // the largest label of a part need not be that of all
	}
	if whole.K() != m.k || whole.D() != m.d {
		return nil, fmt.Errorf("measure: the states have K = %d and d = %d, the features K = %d and d = %d", whole.K(), whole.D(), m.k, m.d)
	}
	if err := whole.BeginSecond(); err != nil {
		return nil, err
	}
	acc, err := m.second(m.train, whole, clf, false)
	if err != nil {
		return nil, err
	}
	first, second := acc.N()
	if second > first {
		return nil, fmt.Errorf("measure: the states hold %d samples, the files %d; is this part's state among them?", first, second)
	}
	return acc.Accumulator, nil
}

// Merge merges the second passes of parts around the same means. Where the states
// are those of parts measured each around its own means, the error says how to go on.
func Merge(states []*nc.Accumulator) (*nc.Accumulator, error) {
	acc := states[0]
	for _, s := range states[1:] {
		if err := acc.Merge(s); err != nil {
			return nil, fmt.Errorf("%w.\nFigures of the whole are measured around its means. For each part, run the second pass around "+
				"those of all states, as\n  collapse measure --features PART.npz --merge A.state --merge B.state --state PART2.state\n"+
				"and merge what that writes", err)
		}
	}
	if first, second := acc.N(); acc.Pass() == 1 || second < first {
		return nil, fmt.Errorf("measure: the second pass has seen %d of the %d samples; the states of some parts are missing", second, first)
	}
	return acc, nil
}
