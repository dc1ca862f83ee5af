package calib

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Bin is a bin of a reliability diagram.
type Bin struct {
	// The bin holds confidences in (Lo, Hi]. In bins of equal mass, Lo and Hi are the smallest
	// and the largest confidence.
	Lo, Hi float64
	// Count is the number of samples. In bins of equal mass it need not be whole: samples of
	// equal confidence at an edge are split between two bins.
	Count      float64
	Accuracy   float64 // share of correct samples; NaN where Count is 0
	Confidence float64 // mean confidence; NaN where Count is 0

	square float64 // Σ (correct − confidence)²
}

// gap returns accuracy less confidence.
func (b Bin) gap() float64 { return b.Accuracy - b.Confidence }

// Diagram is a reliability diagram: bins in increasing order.
type Diagram []Bin

// Reliability returns the diagram of confidences in [0, 1] in bins (lo, hi] of equal width; the
// first also holds 0. correct[i] says whether sample i was predicted right. It is an error if the
// lengths differ, if bins < 1, or if a confidence is out of range.
func Reliability(confidence []float64, correct []bool, bins int) (Diagram, error) {
	signed, err := sign(confidence, correct, bins)
	if err != nil {
		return nil, err
	}
	s := newSums(bins)
	for _, v := range signed {
		s.add(math.Abs(v), !math.Signbit(v))
	}
	return s.diagram(), nil
}

// EqualMass is Reliability with the same number of samples in every bin. Samples of equal
// confidence at an edge are split between its bins, so that the order of the samples does not
// matter.
func EqualMass(confidence []float64, correct []bool, bins int) (Diagram, error) {
	signed, err := sign(confidence, correct, bins)
	if err != nil {
		return nil, err
	}
	return equalMass(signed, bins), nil
}

// sign returns the confidences, negative where the prediction is wrong: 8 bytes per sample hold
// both. A wrong sample of confidence 0 is −0.
func sign(confidence []float64, correct []bool, bins int) ([]float64, error) {
	if len(confidence) != len(correct) {
		return nil, fmt.Errorf("calib: %d confidences and %d outcomes", len(confidence), len(correct))
	}
	if len(confidence) == 0 {
		return nil, fmt.Errorf("calib: no samples")
	}
	if err := checkBins(bins); err != nil {
		return nil, err
	}
	out := make([]float64, len(confidence))
	for i, c := range confidence {
		if !(c >= 0 && c <= 1) {
			return nil, fmt.Errorf("calib: confidence of sample %d is %v, want 0 to 1", i, c)
		}
		out[i] = signed(c, correct[i])
	}
	return out, nil
}

func signed(confidence float64, correct bool) float64 {
	if correct {
		return confidence
	}
	return math.Copysign(confidence, -1)
}

// maxBins bounds the number of bins.
const maxBins = 10_000

func checkBins(bins int) error {
	if bins < 1 || bins > maxBins {
		return fmt.Errorf("calib: %d bins, want 1 to %d", bins, maxBins)
	}
	return nil
}

// sums are the sums of bins of equal width.
type sums []cell

// cell is a bin's sums.
type cell struct{ count, confidence, correct, square float64 }

func newSums(bins int) sums { return make(sums, bins) }

// binOf returns the bin of (lo, hi] that holds c.
func binOf(c float64, bins int) int {
	b := min(int(c*float64(bins)), bins-1)
	// The product rounds, so the edges b/bins decide. An edge belongs to the bin below it.
	if b > 0 && c <= float64(b)/float64(bins) {
		b--
	} else if b < bins-1 && c > float64(b+1)/float64(bins) {
		b++
	}
	return b
}

func (s sums) add(c float64, correct bool) { s.addWeighted(c, correct, 1) }

func (s sums) addWeighted(c float64, correct bool, w float64) {
	b := &s[binOf(c, len(s))]
	b.count += w
	b.confidence += w * c
	e := -c
	if correct {
		b.correct += w
		e++
	}
	b.square += w * e * e
}

func (s sums) merge(o sums) {
	for b, c := range o {
		s[b].count += c.count
		s[b].confidence += c.confidence
		s[b].correct += c.correct
		s[b].square += c.square
	}
}

func (s sums) diagram() Diagram {
	n := len(s)
	d := make(Diagram, n)
	for b, c := range s {
		d[b] = Bin{Lo: float64(b) / float64(n), Hi: float64(b+1) / float64(n), Count: c.count, square: c.square,
			Accuracy: c.correct / c.count, Confidence: c.confidence / c.count} // 0/0 is NaN
	}
	return d
}

// equalMass puts the signed confidences into bins of equal mass. It reorders them.
//
// To avoid sorting them all, it counts confidences in small buckets, and sorts only the buckets
// in which a bin ends; for the others the sums are enough.
func equalMass(signed []float64, bins int) Diagram {
	m := massBins{bins: bins, room: float64(len(signed)) / float64(bins)}
	var sums [buckets]struct {
		n                                int
		conf, right, square, least, most float64
	}
	for _, v := range signed {
		c := math.Abs(v)
		b := &sums[bucketOf(c)]
		if b.n == 0 || c < b.least {
			b.least = c
		}
		b.most = max(b.most, c)
		b.n++
		b.conf += c
		e := c
		if !math.Signbit(v) {
			b.right++
			e--
		}
		b.square += e * e
	}
	// Confidences of the buckets in which a bin ends move to the front and are sorted.
	var cut [buckets]bool
	before, sorted := 0, 0
	for i := range sums {
		after := before + sums[i].n
		next := (math.Floor(float64(before)/m.room+1e-9) + 1) * m.room
		cut[i] = float64(after) > next+1e-9
		before = after
	}
	for i, v := range signed {
		if cut[bucketOf(math.Abs(v))] {
			signed[i], signed[sorted] = signed[sorted], v
			sorted++
		}
	}
	front := signed[:sorted]
	slices.SortFunc(front, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
	for i, s := range sums {
		switch {
		case s.n == 0:
		case cut[i]:
			m.addSorted(front[:s.n])
			front = front[s.n:]
		default:
			m.add(float64(s.n), s.conf, s.right, s.square, s.least, s.most)
		}
	}
	m.close()
	return m.diagram
}

// Each factor of two has 64 buckets; the first bucket holds all confidences below 2⁻⁴⁰.
const buckets = 40*64 + 2

func bucketOf(c float64) int {
	const smallest = (1023 - 40) << 6
	return max(0, int(math.Float64bits(c)>>46)-smallest+1)
}

// massBins fills bins of equal mass in increasing order of confidence.
type massBins struct {
	bins    int
	room    float64 // samples of a bin
	diagram Diagram
	bin     Bin // the one being filled; Confidence is a sum so far
	right   float64
}

// add adds samples that lie in one bin.
func (m *massBins) add(n, conf, right, square, least, most float64) {
	if m.bin.Count == 0 {
		m.bin.Lo = least
	}
	m.bin.Hi = most
	m.bin.Count += n
	m.bin.Confidence += conf
	m.bin.square += square
	m.right += right
	if m.bin.Count >= m.room-1e-9 && len(m.diagram) < m.bins-1 {
		m.close()
	}
}

// addSorted adds signed confidences in increasing order; equal ones at the end of a bin are split.
func (m *massBins) addSorted(signed []float64) {
	for i := 0; i < len(signed); {
		c := math.Abs(signed[i])
		j, right := i, 0.0
		for ; j < len(signed) && math.Abs(signed[j]) == c; j++ {
			if !math.Signbit(signed[j]) {
				right++
			}
		}
		left, share := float64(j-i), right/float64(j-i)
		for left > 0 {
			take := min(left, m.room-m.bin.Count)
			if len(m.diagram) == m.bins-1 {
				take = left // the last bin takes what rounding leaves
			}
			m.add(take, take*c, take*share, take*(share*(1-c)*(1-c)+(1-share)*c*c), c, c)
			if left -= take; left <= 1e-9 {
				left = 0
			}
		}
		i = j
	}
}

// close ends a bin.
func (m *massBins) close() {
	if m.bin.Count == 0 {
		return
	}
	m.bin.Accuracy, m.bin.Confidence = m.right/m.bin.Count, m.bin.Confidence/m.bin.Count
	m.diagram = append(m.diagram, m.bin)
	m.bin, m.right = Bin{}, 0
}

// total returns the number of samples.
func (d Diagram) total() (n float64) {
	for _, b := range d {
		n += b.Count
	}
	return n
}

// sum returns Σ (n_m/N) f(bin m) over the bins that hold samples.
func (d Diagram) sum(f func(Bin) float64) (s float64) {
	n := d.total()
	for _, b := range d {
		if b.Count > 0 {
			s += b.Count / n * f(b)
		}
	}
	return s
}

// ECE is the expected calibration error Σ (n_m/N)|acc_m − conf_m| (Naeini, Cooper and
// Hauskrecht 2015; Guo et al. 2017), in [0, 1]. It is positive even for a perfectly calibrated
// model, by an amount that decreases as N grows.
func (d Diagram) ECE() float64 { return d.sum(func(b Bin) float64 { return math.Abs(b.gap()) }) }

// ECE2 is √(Σ (n_m/N)(acc_m − conf_m)²), the L2 norm of the same differences, in [0, 1].
func (d Diagram) ECE2() float64 {
	return math.Sqrt(d.sum(func(b Bin) float64 { return b.gap() * b.gap() }))
}

// MCE is the maximum calibration error max_m |acc_m − conf_m| (Naeini et al. 2015).
func (d Diagram) MCE() (most float64) {
	for _, b := range d {
		if b.Count > 0 {
			most = max(most, math.Abs(b.gap()))
		}
	}
	return most
}

// Debiased is the square of ECE2 without its bias (after Kumar, Liang and Ma 2019):
// Σ (n_m/N)(g_m² − v_m/n_m), where g_m is the mean and v_m the sample variance of correct −
// confidence in bin m. (Their v_m is the variance of correct alone.) For a perfectly calibrated
// model its mean is 0 for any N, so it may be negative. A bin with one sample, whose variance is
// not known, counts 0.
func (d Diagram) Debiased() float64 {
	return d.sum(func(b Bin) float64 {
		if b.Count <= 1 {
			return 0
		}
		g := b.gap()
		v := max(b.square/b.Count-g*g, 0) * b.Count / (b.Count - 1)
		return g*g - v/b.Count
	})
}

// Over is the part of ECE from over-confident bins, Σ (n_m/N) max(conf_m − acc_m, 0). Over and
// Under add up to ECE.
func (d Diagram) Over() float64 { return d.sum(func(b Bin) float64 { return max(-b.gap(), 0) }) }

// Under is the part of ECE from under-confident bins, Σ (n_m/N) max(acc_m − conf_m, 0).
func (d Diagram) Under() float64 { return d.sum(func(b Bin) float64 { return max(b.gap(), 0) }) }

// Decomposition is Murphy's decomposition (1973) of the Brier score of the confidence, the mean
// of (correct − confidence)²: Score = Reliability − Resolution + Uncertainty + Within.
type Decomposition struct {
	Score       float64
	Reliability float64 // Σ (n_m/N)(conf_m − acc_m)², 0 is best
	Resolution  float64 // Σ (n_m/N)(acc_m − acc)², large is best
	Uncertainty float64 // acc(1 − acc)
	Within      float64 // variation inside the bins (Stephenson, Coelho and Jolliffe 2008)
}

// Decompose returns the decomposition over the diagram's bins.
func (d Diagram) Decompose() Decomposition {
	acc := d.sum(func(b Bin) float64 { return b.Accuracy })
	out := Decomposition{
		Score:       d.sum(func(b Bin) float64 { return b.square / b.Count }),
		Reliability: d.sum(func(b Bin) float64 { return b.gap() * b.gap() }),
		Resolution:  d.sum(func(b Bin) float64 { return (b.Accuracy - acc) * (b.Accuracy - acc) }),
		Uncertainty: acc * (1 - acc),
	}
	out.Within = out.Score - out.Reliability + out.Resolution - out.Uncertainty
	return out
}
