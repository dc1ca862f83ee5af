package calib

import (
	"fmt"
	"math"
)

// impossible counts the samples whose own class has probability 0: no T makes their loss finite.
type impossible struct {
	count, first int64 // first is the lowest number of such a sample
	label        int32 // of that sample
}

func (m *impossible) add(i int64, label int32) { m.merge(impossible{1, i, label}) }

func (m *impossible) merge(o impossible) {
	if o.count > 0 && (m.count == 0 || o.first < m.first) {
		m.first, m.label = o.first, o.label
	}
	m.count += o.count
}

// note says which sample it is and what to do.
func (m *impossible) note(probabilities bool) string {
	more := ""
	if m.count > 1 {
		more = fmt.Sprintf(" (and %d more)", m.count-1)
	}
	found, remedy := "logit −inf", "correct the label or the mask, or leave the sample out"
	if probabilities {
		found, remedy = "probability 0", "save logits, which do not round to 0, or leave the sample out"
	}
	return fmt.Sprintf("sample %d, counted from 0,%s has %s in its own class %d: its loss is infinite at every T; %s",
		m.first, more, found, m.label, remedy)
}

// Tolerances of the sums of probabilities.
const (
	// softTolerance is the rounding of a softmax in float16.
	softTolerance = 2e-3
	// hardTolerance bounds what rounding to decimals may explain.
	hardTolerance = 0.05
	// maxDecimals is how many decimals are looked for.
	maxDecimals = 4
)

// RowSums checks that rows are probabilities: numbers in [0, 1] that sum to 1 within the rounding
// with which they were saved. The tolerance of a sum is 0.002, the rounding of a softmax in float16.
// Where every number has at most 4 decimals, it is half a unit of the last decimal times K, at most
// 0.05.
type RowSums struct {
	k        int
	decimals int // that every number so far has at most; maxDecimals+1 if more
	worst    float64
	row      int64 // the row furthest from 1
	sum      float64
}

// NewRowSums returns an empty check of rows with k numbers.
func NewRowSums(k int) *RowSums { return &RowSums{k: k, sum: 1} }

// Add checks that row i holds numbers in [0, 1] and notes its sum.
func (s *RowSums) Add(i int64, row []float64) error {
	var sum float64
	for c, v := range row {
		if !(v >= 0 && v <= 1+softTolerance) {
			return fmt.Errorf("row %d is not a distribution: class %d has %v, "+
				"want probabilities in [0, 1] that sum to 1", i, c, v)
		}
		sum += v
		for s.decimals <= maxDecimals && !hasDecimals(v, s.decimals) {
			s.decimals++
		}
	}
	if d := math.Abs(sum - 1); d > s.worst {
		s.worst, s.row, s.sum = d, i, sum
	}
	return nil
}

// hasDecimals says whether v, as float64 or float32, is a number of at most d decimals.
func hasDecimals(v float64, d int) bool {
	x := v * math.Pow10(d)
	return math.Abs(x-math.RoundToEven(x)) <= 1e-7*math.Pow10(d)
}

// Tolerance is how far a row's sum may be from 1, given the rows so far.
func (s *RowSums) Tolerance() float64 {
	if s.decimals > maxDecimals {
		return softTolerance
	}
	return max(softTolerance, min(hardTolerance, float64(s.k)/2*math.Pow10(-s.decimals)+1e-9))
}

// Check reports a sum that is too far from 1: which row, its sum and the tolerance.
func (s *RowSums) Check() error {
	if s.worst > s.Tolerance() {
		return fmt.Errorf("row %d is not a distribution: it sums to %.6g, want 1 within %.3g; a class column may be "+
			"missing or extra, or rows are not divided by their sums", s.row, s.sum, s.Tolerance())
	}
	return nil
}

// Note says how far the sums are from 1, or is "" where they are 1 up to the rounding of float32.
func (s *RowSums) Note() string {
	if s.worst <= 1e-5 {
		return ""
	}
	return fmt.Sprintf("rows sum to 1 within %.3g (row %d, counted from 0, to %.6g); each was divided by its sum",
		s.worst, s.row, s.sum)
}

// normalised is a source of probabilities whose rows are divided by their sums.
type normalised struct{ Source }

// normalise reads a source of probabilities once. It returns one whose rows sum to 1, and a note if
// they did not. It is an error if a row is no distribution; the error gives its number and its sum.
func normalise(src Source) (Source, string, error) {
	_, k := src.Shape()
	sums := NewRowSums(k)
	var i int64
	err := src.Each(func(p []float64, labels []int32) error {
		for j := range labels {
			if err := sums.Add(i, p[j*k:(j+1)*k]); err != nil {
				return fmt.Errorf("calib: %w", err)
			}
			i++
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	if err := sums.Check(); err != nil {
		return nil, "", fmt.Errorf("calib: %w", err)
	}
	return normalised{src}, sums.Note(), nil
}

// Each calls f with the rows divided by their sums. A sum that is 1 up to its own rounding is left,
// so that a probability on the edge of a bin stays there.
func (n normalised) Each(f func(p []float64, labels []int32) error) error {
	_, k := n.Shape()
	var room []float64
	return n.Source.Each(func(p []float64, labels []int32) error {
		room = append(room[:0], p...)
		for j := range labels {
			row := room[j*k : (j+1)*k]
			var sum float64
			for _, v := range row {
				sum += v
			}
			if math.Abs(sum-1) <= float64(k)*0x1p-52 {
				continue
			}
			for c := range row {
				row[c] /= sum
			}
		}
		return f(room, labels)
	})
}

// Binary returns one score per sample of two classes as a Source of two columns: of logits z of
// class 1 the columns 0 and z, of probabilities p of class 1 the columns 1 − p and p. Errors are
// those of Slice; labels are 0 and 1.
func Binary(scores []float64, labels []int32, probabilities bool) (Source, error) {
	two := make([]float64, 2*len(scores))
	for i, v := range scores {
		if probabilities && !(v >= 0 && v <= 1) {
			return nil, fmt.Errorf("calib: probability of sample %d is %v, want 0 to 1", i, v)
		}
		two[2*i], two[2*i+1] = BinaryRow(v, probabilities)
	}
	return Slice(two, labels, 2)
}

// BinaryRow returns the two columns of a score of class 1: 0 and z of a logit z, 1 − p and p of a
// probability p.
func BinaryRow(score float64, probability bool) (zero, one float64) {
	if probability {
		return 1 - score, score
	}
	return 0, score
}
