package calib

import (
	"errors"
	"maps"
	"math"

	"github.com/gocollapse/collapse/internal/object"
	"github.com/gocollapse/collapse/internal/resample"
)

// Outcome holds means over the correctly or over the wrongly predicted samples (the paper's
// Figure 4); NaN where there are none.
type Outcome struct {
	N                         int64
	Loss, Entropy, Confidence float64 // −log p_y, −Σ p log p, max p
}

// Summary is the calibration of some samples. Metrics describes its numbers. A metric that is not
// defined is NaN; Notes says why, under its key.
type Summary struct {
	N    int64
	K    int
	Bins Diagram // equal width, of the confidence

	Accuracy   float64 // share of samples predicted right
	Confidence float64 // mean of max_k p_k
	NLL        float64 // mean −log p_y, in nats
	Brier      float64 // mean Σ_k (p_k − [y=k])², in [0, 2]
	Entropy    float64 // mean −Σ_k p_k log p_k, in [0, log K]

	ECE, ECE2, MCE float64 // of Bins: see the methods of Diagram
	Debiased       float64 // square of ECE2 without its bias
	Over, Under    float64 // the two parts of ECE
	AdaptiveECE    float64 // ECE over as many bins of equal mass
	// ClasswiseECE is the mean over classes k of Σ (n_m/N)|[y=k]_m − p_k,m| in bins of equal
	// width of p_k (Kull et al. 2019). ACE is the same in bins of equal mass (Nixon et al. 2019).
	ClasswiseECE, ACE float64
	SmoothECE         float64 // see func SmoothECE
	Decomposition     Decomposition

	Correct, Wrong Outcome

	Notes map[string]string

	// signed holds the confidences in the order of the source, negative where the prediction is
	// wrong: 8 bytes per sample.
	signed []float64
	labels uint64 // hash of the labels in their order: whether two models had the same samples
}

// Samples returns the confidence of every sample, in the order of the source, and whether it is
// predicted right. It allocates 9 bytes per sample. Summaries of scaled logits or of a part of
// the samples do not keep them: both slices are then empty.
func (s *Summary) Samples() (confidence []float64, correct []bool) {
	confidence, correct = make([]float64, len(s.signed)), make([]bool, len(s.signed))
	for i, v := range s.signed {
		confidence[i], correct[i] = math.Abs(v), !math.Signbit(v)
	}
	return confidence, correct
}

// part says which samples are measured.
type part struct {
	split bool
	take  bool // of a split: the samples that T is fitted on
	half  halves
}

// has says whether sample i belongs to the part.
func (p part) has(i int64) bool { return !p.split || p.half.fit(i) == p.take }

// place returns the index of a sample among those of the part: a half has one of every two.
func (p part) place(i int64) int64 {
	if p.split {
		return i / 2
	}
	return i
}

// size returns at least the number of the part's samples of n.
func (p part) size(n int64) int64 {
	if p.split {
		return n/2 + 1
	}
	return n
}

// halves chooses half of the samples by a seed: one of samples 2j and 2j+1.
type halves struct{ seed uint64 }

func (h halves) fit(i int64) bool {
	return int64(resample.Mix(h.seed^resample.Mix(uint64(i/2)))&1) == i&1
}

// tally is what the first pass adds up.
type tally struct {
	n                   int64
	nll, brier, entropy float64
	right, wrong        Outcome // sums
	bins                sums
	classes             []sums // K, of p_k
	labels              uint64
	never               impossible
}

// Summarise measures all samples unscaled, in one pass over the source. Its values are those of
// Measure with Options.Fast: ACE, ClasswiseECE and SmoothECE are NaN. bins is the number of bins
// of equal width; 0 is DefaultBins.
func Summarise(src Source, bins int) (*Summary, error) {
	if bins == 0 {
		bins = DefaultBins
	}
	if err := checkBins(bins); err != nil {
		return nil, err
	}
	s, err := summarise(src, part{}, scaling{}, bins, false, nil, nil)
	if err == nil {
		s.leaveOut()
	}
	return s, err
}

// leaveOut notes that the metrics that take most of the time were not measured.
func (s *Summary) leaveOut() {
	for _, name := range []string{"ace", "classwise_ece", "smooth_ece"} {
		s.Notes[name] = "left out"
	}
}

// summarise measures the samples of a part after a scaling: everything but ACE, and class-wise
// and smooth ECE only if asked for. It keeps the confidences in room, which it allocates if nil;
// work must have room for as many numbers.
func summarise(src Source, p part, sc scaling, bins int, classwise bool, room, work []float64) (*Summary, error) {
	n, k := src.Shape()
	if room == nil {
		room = make([]float64, p.size(n))
	}
	total, err := reduce(src, func() *tally {
		t := &tally{bins: newSums(bins)}
		if classwise {
			all := newSums(k * bins)
			for c := range k {
				t.classes = append(t.classes, all[c*bins:(c+1)*bins])
			}
		}
		return t
	}, func(t *tally, r *row) {
		if !p.has(r.i) {
			return
		}
		best, logPY, entropy := sc.softmax(r)
		t.n++
		if math.IsInf(logPY, -1) {
			t.never.add(r.i, r.y)
		}
		var brier float64
		for c, v := range r.p {
			e := v
			if c == int(r.y) {
				e--
			}
			brier += e * e
			if classwise {
				t.classes[c].add(min(max(v, 0), 1), c == int(r.y))
			}
		}
		right := best == int(r.y)
		conf := min(max(r.p[best], 0), 1)
		t.nll -= logPY
		t.brier += brier
		t.entropy += entropy
		o := &t.wrong
		if right {
			o = &t.right
		}
		o.N++
		o.Loss -= logPY
		o.Entropy += entropy
		o.Confidence += conf
		t.bins.add(conf, right)
		room[p.place(r.i)] = signed(conf, right)
		t.labels += resample.Mix(uint64(r.i)<<20 ^ uint64(r.y))
	}, (*tally).merge)
	if err != nil {
		return nil, err
	}
	if total.n == 0 {
		return nil, errors.New("calib: no samples")
	}
	s := total.summary(k, classwise)
	if total.never.count > 0 {
		s.NLL, s.Wrong.Loss = math.NaN(), math.NaN()
		s.Notes["nll"] = total.never.note(sc.probabilities)
		s.Notes["wrong"] = "the mean loss is infinite, see nll"
	}
	s.signed = room[:s.N]
	if classwise {
		s.SmoothECE, _ = smoothECE(s.signed)
	}
	s.AdaptiveECE = equalMass(append(work[:0], s.signed...), bins).ECE()
	return s, nil
}

func (t *tally) merge(o *tally) {
	t.n += o.n
	t.nll += o.nll
	t.brier += o.brier
	t.entropy += o.entropy
	for _, x := range []struct{ a, b *Outcome }{{&t.right, &o.right}, {&t.wrong, &o.wrong}} {
		x.a.N += x.b.N
		x.a.Loss += x.b.Loss
		x.a.Entropy += x.b.Entropy
		x.a.Confidence += x.b.Confidence
	}
	t.bins.merge(o.bins)
	for c := range t.classes {
		t.classes[c].merge(o.classes[c])
	}
	t.labels += o.labels
	t.never.merge(o.never)
}

func (t *tally) summary(k int, classwise bool) *Summary {
	n := float64(t.n)
	s := &Summary{
		N: t.n, K: k, Bins: t.bins.diagram(), NLL: t.nll / n, Brier: t.brier / n, Entropy: t.entropy / n,
		Accuracy: float64(t.right.N) / n, Confidence: (t.right.Confidence + t.wrong.Confidence) / n,
		ClasswiseECE: math.NaN(), ACE: math.NaN(), SmoothECE: math.NaN(), Notes: map[string]string{},
		Correct: t.right.mean(), Wrong: t.wrong.mean(), labels: t.labels,
	}
	s.ECE, s.ECE2, s.MCE, s.Debiased = s.Bins.ECE(), s.Bins.ECE2(), s.Bins.MCE(), s.Bins.Debiased()
	s.Over, s.Under, s.Decomposition = s.Bins.Over(), s.Bins.Under(), s.Bins.Decompose()
	if classwise {
		s.ClasswiseECE = 0
		for _, c := range t.classes {
			s.ClasswiseECE += c.diagram().ECE() / float64(k)
		}
	}
	for name, o := range map[string]Outcome{"correct": s.Correct, "wrong": s.Wrong} {
		if o.N == 0 {
			s.Notes[name] = "there is no such sample"
		}
	}
	return s
}

func (o Outcome) mean() Outcome {
	n := float64(o.N)
	return Outcome{o.N, o.Loss / n, o.Entropy / n, o.Confidence / n} // 0/0 is NaN
}

// undefined returns a summary of the same samples after a scaling that is not defined: every metric
// is NaN, and a note says why.
func (s *Summary) undefined(why string) *Summary {
	nan := math.NaN()
	none := Outcome{Loss: nan, Entropy: nan, Confidence: nan}
	u := &Summary{
		N: s.N, K: s.K, Bins: newSums(len(s.Bins)).diagram(), Accuracy: nan, Confidence: nan, NLL: nan, Brier: nan,
		Entropy: nan, ECE: nan, ECE2: nan, MCE: nan, Debiased: nan, Over: nan, Under: nan, AdaptiveECE: nan,
		ClasswiseECE: nan, ACE: nan, SmoothECE: nan, Decomposition: Decomposition{nan, nan, nan, nan, nan},
		Correct: none, Wrong: none, Notes: map[string]string{"correct": why, "wrong": why}, labels: s.labels,
	}
	for _, m := range metrics {
		u.Notes[m.Key] = why
	}
	return u
}

// aceBytes is the memory for the probabilities of several classes at once. Where it holds fewer
// than four classes, they are measured one by one.
const aceBytes = 128 << 20

// ace sets ACE. It reads the source once for every group of classes that fits in aceBytes. A
// single class is kept in room, if that is large enough.
func (s *Summary) ace(src Source, p part, sc scaling, room []float64) error {
	n, _ := src.Shape() // also for a half, so that a half never takes more memory
	at := int(min(int64(s.K), aceBytes/(8*n)))
	if at < 4 {
		at = 1
	}
	s.ACE = 0
	columns := make([][]float64, at)
	for c := range columns {
		if at == 1 && int64(len(room)) >= s.N {
			columns[c] = room[:s.N]
		} else {
			columns[c] = make([]float64, s.N)
		}
	}
	for first := 0; first < s.K; first += at {
		last := min(first+at, s.K)
		_, err := reduce(src, func() struct{} { return struct{}{} }, func(_ struct{}, r *row) {
			if !p.has(r.i) {
				return
			}
			sc.softmax(r)
			i := p.place(r.i)
			for k := first; k < last; k++ {
				columns[k-first][i] = signed(min(max(r.p[k], 0), 1), int(r.y) == k)
			}
		}, func(_, _ struct{}) {})
		if err != nil {
			return err
		}
		eces := make([]float64, last-first)
		each(len(eces), func(i int) { eces[i] = equalMass(columns[i], len(s.Bins)).ECE() })
		for _, e := range eces {
			s.ACE += e / float64(s.K)
		}
	}
	return nil
}

// fields writes the fields of the object.
func (s *Summary) fields(o *object.Object) {
	o.Field("n", s.N)
	o.Field("k", s.K)
	for _, m := range metrics {
		o.Field(m.Key, object.Number(m.Value(s)))
	}
	for _, part := range []struct {
		name string
		Outcome
	}{{"correct", s.Correct}, {"wrong", s.Wrong}} {
		o.Field(part.name, map[string]any{
			"n": part.N, "loss": object.Number(part.Loss),
			"entropy": object.Number(part.Entropy), "confidence": object.Number(part.Confidence),
		})
	}
	type bin struct {
		Lo         float64       `json:"lo"`
		Hi         float64       `json:"hi"`
		Count      int64         `json:"count"`
		Accuracy   object.Number `json:"accuracy"`
		Confidence object.Number `json:"confidence"`
	}
	var bins []bin
	for _, b := range s.Bins {
		bins = append(bins, bin{
			b.Lo, b.Hi, int64(math.Round(b.Count)), object.Number(b.Accuracy), object.Number(b.Confidence),
		})
	}
	o.Field("bins", bins)
}

// MarshalJSON writes one object: every metric under its key, null where it is not defined, then
// outcomes, bins and notes.
func (s *Summary) MarshalJSON() ([]byte, error) {
	var o object.Object
	s.fields(&o)
	o.Field("notes", maps.Clone(s.Notes))
	return o.JSON()
}
