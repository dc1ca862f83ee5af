package files

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/gocollapse/collapse/internal/atomic"
	"github.com/gocollapse/collapse/nc"
)

// WriteState writes the state of a second pass, as ReadStates reads it, to a file.
func WriteState(path string, s *nc.Scatter) error {
	b, err := s.MarshalBinary()
	if err != nil {
		return err
	}
	return atomic.WriteFile(path, b)
}

// ReadStates reads states of WriteState from files.
func ReadStates(paths []string) ([]*nc.Scatter, error) {
	var out []*nc.Scatter
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("measure: %w", err)
		}
		s := new(nc.Scatter)
		if err := s.UnmarshalBinary(b); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, errors.New("measure: no state was named")
	}
	return out, nil
}

// Around runs the second pass over the training samples in the files at paths around the means of
// all states together, which must be those of the whole data set, this part's among them. The
// result is merged by Merge with those of the other parts. The classifier is that of the files or,
// where they have none, of a state.
func Around(ctx context.Context, paths []string, states []*nc.Scatter, o Options) (*nc.Scatter, error) {
	m, err := open(ctx, paths, o)
	if err != nil {
		return nil, err
	}
	defer m.close()
	if len(m.train.parts) == 0 {
		return nil, errors.New("measure: no file has features and labels")
	}
	clf := m.clf
	var whole *nc.Sums
	for i, s := range states {
		if clf == nil {
			clf = s.Classifier()
		}
		if i == 0 {
			whole = s.Sums()
		} else if err := whole.Merge(s.Sums()); err != nil {
			return nil, err
		}
	}
	if whole.K() != m.k && m.clf == nil && m.options.K == 0 {
		m.k = whole.K() // the largest label of a part need not be that of all
	}
	if whole.K() != m.k || whole.D() != m.d {
		return nil, fmt.Errorf("measure: the states have K = %d and d = %d, the features K = %d and d = %d", whole.K(),
			whole.D(), m.k, m.d)
	}
	scatter, err := whole.Centre(clf)
	if err != nil {
		return nil, err
	}
	if err := m.train.Each(ctx, scatter.Add); err != nil {
		return nil, err
	}
	if scatter.Seen() > scatter.N() {
		return nil, fmt.Errorf("measure: the states hold %d samples, the files %d; is this part's state among them?",
			scatter.N(), scatter.Seen())
	}
	return scatter, nil
}

// Merge merges the second passes of parts around the same means. Where the states
// are those of parts measured each around its own means, the error says how to go on.
func Merge(states []*nc.Scatter) (*nc.Scatter, error) {
	whole := states[0]
	for _, s := range states[1:] {
		if err := whole.Merge(s); err != nil {
			return nil, fmt.Errorf("%w.\nThe metrics of the whole are measured around its means. For each part, "+
				"run the second pass around those of all states:\n"+
				"  collapse measure --features PART.npz --merge A.state --merge B.state --state PART2.state\n"+
				"and merge what that writes", err)
		}
	}
	if whole.Seen() < whole.N() {
		return nil, fmt.Errorf("measure: the second pass has seen %d of the %d samples; the states of some parts are "+
			"missing", whole.Seen(), whole.N())
	}
	return whole, nil
}
