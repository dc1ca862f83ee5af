// Package labels checks class labels that users give in files, and says what their faults usually
// mean.
package labels

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/npz"
)

// CheckShape reports labels, an array of the given name, that are not one for each of the n samples
// of another array.
func CheckShape(name string, y *npz.Array, n int, samples string) error {
	shape := y.Shape
	if len(shape) == 1 && shape[0] == n {
		return nil
	}
	remedy := ""
	switch {
	case len(shape) > 1 && y.Len() == n:
		remedy = fmt.Sprintf("; save %s.ravel()", name)
	case len(shape) == 2 && shape[0] == n:
		remedy = fmt.Sprintf("; if they are one-hot or scores, save %s.argmax(1)", name)
	case len(shape) == 1:
		remedy = "; save both from one pass over the data in one order, and cut neither"
	}
	return fmt.Errorf("%s have shape %v, want one for each of the %d %s%s", name, shape, n, samples, remedy)
}

// Count counts the labels of a data set.
type Count struct {
	N    int64 // labels
	Each map[int32]int64
	// Of the least and of the largest label, the first sample that has it.
	Least, Largest   int32
	LeastAt, LargeAt int64
}

// NewCount returns an empty count.
func NewCount() *Count {
	return &Count{Each: map[int32]int64{}, Least: math.MaxInt32, Largest: math.MinInt32}
}

// Add takes the next labels.
func (c *Count) Add(labels []int32) {
	for _, y := range labels {
		c.Each[y]++
		if y < c.Least {
			c.Least, c.LeastAt = y, c.N
		}
		if y > c.Largest {
			c.Largest, c.LargeAt = y, c.N
		}
		c.N++
	}
}

// Found lists the labels: 0 to 9, or 0, 1, 3.
func (c *Count) Found() string {
	all := slices.Sorted(maps.Keys(c.Each))
	if len(all) > 1 && int64(c.Largest)-int64(c.Least) == int64(len(all)-1) {
		return fmt.Sprintf("%d to %d", c.Least, c.Largest)
	}
	if len(all) > 12 {
		return fmt.Sprintf("%d different numbers from %d to %d", len(all), c.Least, c.Largest)
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(all), " ", ", "), "[]")
}

// Missing returns the first labels of 0…k−1 that no sample has, at most most of them, and how many
// there are.
func (c *Count) Missing(k, most int) (first []int, all int) {
	all = k
	for y := range c.Each {
		if y >= 0 && int(y) < k {
			all--
		}
	}
	for y := 0; y < k && len(first) < min(all, most); y++ {
		if c.Each[int32(y)] == 0 {
			first = append(first, y)
		}
	}
	return first, all
}

// Unbalanced reports classes of 0…k−1 that have not equally many samples.
func (c *Count) Unbalanced(name string, k int) error {
	least, most := int32(0), int32(0)
	for y := range int32(k) {
		if c.Each[y] < c.Each[least] {
			least = y
		}
		if c.Each[y] > c.Each[most] {
			most = y
		}
	}
	if c.Each[least] == c.Each[most] {
		return nil
	}
	return fmt.Errorf("%s: class %d has %d samples, class %d has %d; save equally many of each class", name, least,
		c.Each[least], most, c.Each[most])
}

// OutOfRange reports a label that is not in 0…k−1; from says where K comes from. k = 0 bounds nothing
// above.
func (c *Count) OutOfRange(name string, k int, from string) error {
	switch {
	case c.N == 0:
		return nil
	case c.Least < 0:
		remedy := fmt.Sprintf("if it marks samples without a class, leave them out: keep = %s >= 0", name)
		if c.Least == -1 && c.Largest == 1 && len(c.Each) == 2 {
			remedy = fmt.Sprintf("for classes −1 and 1 save (%s + 1) // 2", name)
		}
		return fmt.Errorf("%s: sample %d has label %d, want a label of 0 or more; %s", name, c.LeastAt, c.Least, remedy)
	case k > 0 && int(c.Largest) >= k:
		return fmt.Errorf("%s: sample %d has label %d, want 0 to K−1 = %d (%s); %s", name, c.LargeAt, c.Largest, k-1,
			from, c.large(name, k))
	}
	return nil
}

// large says what a label that is too large usually means.
func (c *Count) large(name string, k int) string {
	switch {
	case k == 1:
		return "of a binary classifier with one output save numpy.concatenate([-weight, weight]) / 2, and of its " +
			"bias the same"
	case c.Least == 1 && int(c.Largest) == k:
		return fmt.Sprintf("the labels found, %s, start at 1: save %s - 1", c.Found(), name)
	case c.Largest == 255:
		return fmt.Sprintf("255 often marks samples without a class: leave them out, keep = %s != 255", name)
	case len(c.Each) <= k:
		return fmt.Sprintf("the labels found are %s: if they are other numbers for the %d classes, number them in the "+
			"classes' order", c.Found(), k)
	}
	return fmt.Sprintf("the labels found are %s: K must be at least %d", c.Found(), c.Largest+1)
}
