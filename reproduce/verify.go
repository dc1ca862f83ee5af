package reproduce

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/record"
)

// Tolerance is how far a metric of a run that is trained again elsewhere may be from the recorded
// one: |a − b| ≤ Tolerance · max(1, |a|). Another processor, number of threads or backend adds in
// another order, which changes a step by some 1e-7 of its value, and training enlarges such
// differences from step to step. After the 21 steps of fashion-cnn-tiny, XLA and pure Go differ by
// 1e-4 at most, but for the spread of the logits, a ratio to a margin that is near 0 in a network
// that is hardly trained: by 0.015. After the thousands of steps of a whole run the differences are
// as large as between two seeds: a run that is outside of Tolerance then is not thereby wrong.
const Tolerance = 0.05

// Comparison is a record next to the same run trained again.
type Comparison struct {
	Exact    bool     // both ran on the same backend, kind of machine and number of threads
	Why      string   // in what they differ where not
	Numbers  int      // that were compared
	Largest  float64  // |a − b| / max(1, |a|)
	At       string   // the number of the largest difference
	Unlike   []string // what differs by more than is allowed: nothing at all, or Tolerance
	overflow int
}

// Err reports what differs by more than is allowed.
func (c *Comparison) Err() error {
	if len(c.Unlike) == 0 {
		return nil
	}
	more := ""
	if c.overflow > 0 {
		more = fmt.Sprintf(", and %d more", c.overflow)
	}
	allowed := "bit for bit"
	if !c.Exact {
		allowed = fmt.Sprintf("within %g", Tolerance)
	}
	return fmt.Errorf("the run trained again is not the same %s: %s%s", allowed, strings.Join(c.Unlike, "; "), more)
}

// String says what was compared and found.
func (c *Comparison) String() string {
	if c.Exact {
		return fmt.Sprintf("%d numbers, the same bit for bit", c.Numbers)
	}
	return fmt.Sprintf("%d numbers within %g (%s); the largest difference is %.2g, at %s", c.Numbers, Tolerance, c.Why,
		c.Largest, c.At)
}

// Compare compares a record with the same run trained again. Where both ran on the same backend,
// kind of machine and number of threads, every number of rows, steps and end must be the same, but
// times. Elsewhere the metrics of the rows must be within Tolerance. What the old record does not
// have, as a metric of a later version, is not compared. It is an error if the two saw other images.
func Compare(old, again *record.Record) (*Comparison, error) {
	if d := record.Differences(old.Spec.Without("name"), again.Spec.Without("name")); d != nil {
		return nil, fmt.Errorf("the settings differ: %v", d)
	}
	if !slices.Equal(old.Data.Files, again.Data.Files) {
		return nil, fmt.Errorf("the images differ: %v were recorded, here are %v", old.Data.Files, again.Data.Files)
	}
	c := &Comparison{}
	for _, f := range []struct{ what, old, again string }{
		{"backend", old.Environment.Backend, again.Environment.Backend},
		{"machine", old.Describe().Machine, again.Describe().Machine},
		{"device", old.Environment.Device, again.Environment.Device},
		{"plugin", old.Environment.PluginVersion, again.Environment.PluginVersion},
	} {
		if f.old != f.again {
			c.Why = fmt.Sprintf("%s %s, recorded on %s", f.what, f.again, f.old)
			break
		}
	}
	if c.Exact = c.Why == ""; c.Exact {
		return c, c.exactly(old, again)
	}
	c.nearly(old, again)
	return c, nil
}

// exactly compares everything that was measured.
func (c *Comparison) exactly(old, again *record.Record) error {
	tree := func(r *record.Record) (v any, err error) {
		b, err := json.Marshal(struct {
			Steps  []record.Number `json:"step_losses"`
			Epochs []record.Epoch  `json:"epochs"`
			Final  *record.Final   `json:"final,omitempty"`
		}{r.StepLosses, r.Epochs, r.Final})
		if err != nil {
			return nil, err
		}
		return v, json.Unmarshal(b, &v)
	}
	a, err := tree(old)
	if err != nil {
		return err
	}
	b, err := tree(again)
	if err != nil {
		return err
	}
	c.walk("", a, b)
	return nil
}

// walk compares what a has.
func (c *Comparison) walk(at string, a, b any) {
	switch x := a.(type) {
	case map[string]any:
		y, _ := b.(map[string]any)
		for key, v := range x {
			if key != "seconds" && key != "measure_seconds" && key != "notes" && v != nil {
				c.walk(at+"."+key, v, y[key])
			}
		}
	case []any:
		y, _ := b.([]any)
		if len(x) != len(y) {
			c.unlike(fmt.Sprintf("%s has %d entries, recorded are %d", strings.Trim(at, "."), len(y), len(x)))
			return
		}
		for i := range x {
			c.walk(fmt.Sprintf("%s[%d]", at, i), x[i], y[i])
		}
	default:
		c.Numbers++
		if a != b {
			c.unlike(fmt.Sprintf("%s is %v, recorded is %v", strings.Trim(at, "."), b, a))
		}
	}
}

// nearly compares the metrics of the rows.
func (c *Comparison) nearly(old, again *record.Record) {
	for i := range old.Epochs {
		row := &old.Epochs[i]
		other := again.Row(row.Epoch)
		if other == nil {
			c.unlike(fmt.Sprintf("epoch %d was not measured", row.Epoch))
			continue
		}
		for _, m := range record.Metrics() {
			a, b := m.Value(row), m.Value(other)
			if math.IsNaN(a) {
				continue
			}
			c.Numbers++
			d := math.Abs(a-b) / max(1, math.Abs(a))
			if !(d <= Tolerance) {
				c.unlike(fmt.Sprintf("%s at epoch %d is %.6g, recorded is %.6g", m.Key, row.Epoch, b, a))
			}
			if c.At == "" || !math.IsNaN(c.Largest) && !(d <= c.Largest) { // the first NaN stays
				c.Largest, c.At = d, fmt.Sprintf("%s, epoch %d", m.Key, row.Epoch)
			}
		}
	}
}

// unlike notes a difference; the first ones are named.
func (c *Comparison) unlike(what string) {
	if len(c.Unlike) < 3 {
		c.Unlike = append(c.Unlike, what)
	} else {
		c.overflow++
	}
}
