package calib

import (
	"math"

	"github.com/gocollapse/collapse/internal/object"
)

// Selective is selective classification by one score: a model that abstains where the score is
// small. RiskCoverage has the definitions.
type Selective struct {
	Key  string // of JSON, such as "msp"
	Name string // for tables
	// N is the number of samples: all, and for the p-norm those on which p was not chosen.
	N                        int64
	AURC, EAURC, AUGRC       float64
	RiskAt80, RiskAt90       float64   // risk where 80 % and 90 % of the samples are accepted
	CoverageAt1, CoverageAt5 float64   // largest coverage with a risk of at most 1 % and 5 %
	Risks                    []float64 // 100 risks, at the coverages 0.01, 0.02, … 1
	Note                     string    // why the score is not defined: the numbers are then NaN
	PNorm                    *PNorm    // of the p-norm alone
}

// PNorm is the normalisation of the logits that the p-norm's score uses: max_k (z_k − c)/‖z − c‖_p,
// where c is the mean logit if Centred, else 0. P = 0 leaves the norm out.
type PNorm struct {
	P       int
	Centred bool
	AURC    float64    // on the samples on which p and the centring were chosen
	MSP     *Selective // by MSP, on the same samples as the p-norm
}

// maxP is the largest p that is tried (Cattelan and Silva 2024 try 0 to 10).
const maxP = 10

// plainScores are the scores that are measured on all samples, in the order in which plain writes them.
var plainScores = []struct {
	key, name string
	logits    bool // it needs logits: probabilities do not determine it
}{
	{"msp", "MSP", false},
	{"max_logit", "max logit", true},
	{"margin", "margin", false},
	{"logit_margin", "logit margin", false},
	{"entropy", "entropy", false},
}

// scorer has room for the scores of a row.
type scorer struct {
	out    []float64
	powers []float64 // K
}

// plain writes the plainScores of a row to t.out.
func (t *scorer) plain(sc *scaling, r *row) {
	best, _, entropy := sc.softmax(r)
	t.out[0] = min(max(r.p[best], 0), 1)
	t.out[2] = r.p[best] - second(r.p, best)
	t.out[4] = -entropy
	best, top := sc.load(r)
	t.out[1] = top
	t.out[3] = math.MaxFloat64 // where all other classes are masked
	if next := second(r.p, best); !math.IsInf(next, -1) {
		t.out[3] = top - next
	}
}

// second returns the largest number but that of best.
func second(p []float64, best int) float64 {
	next := math.Inf(-1)
	for k, v := range p {
		if k != best {
			next = max(next, v)
		}
	}
	return next
}

// normalised writes the scores of all pairs of p and centring to t.out: with centring for p = 0…maxP,
// then without. A masked class counts neither in the mean nor in the norm. Where every logit is equal to
// the mean, the score is 0.
func (t *scorer) normalised(sc *scaling, r *row) {
	_, top := sc.load(r)
	var sum, finite float64
	for _, z := range r.p {
		if !math.IsInf(z, -1) {
			sum += z - top // no sum of large logits of one sign
			finite++
		}
	}
	t.norms(r.p, top, top+sum/finite, t.out[:maxP+1])
	t.norms(r.p, top, 0, t.out[maxP+1:])
}

// norms writes (top − c)/‖z − c‖_p for p = 0…maxP; p = 0 has no norm.
func (t *scorer) norms(z []float64, top, c float64, out []float64) {
	// The largest size divides all, so that no power overflows.
	var most float64
	for k, v := range z {
		t.powers[k] = 0
		if !math.IsInf(v, -1) {
			most = max(most, math.Abs(v-c))
			t.powers[k] = 1
		}
	}
	clear(out)
	out[0] = top - c
	if most == 0 {
		return
	}
	share := out[0] / most
	for p := 1; p < len(out); p++ {
		var sum float64
		for k, w := range t.powers {
			if w != 0 {
				w *= math.Abs(z[k]-c) / most
				t.powers[k] = w
				sum += w
			}
		}
		out[p] = share / math.Pow(sum, 1/float64(p))
	}
}

// addSelective measures the scores.
func (m *measurement) addSelective(r *Report) error {
	if m.options.Fast {
		r.Notes["selective"] = "left out"
		return nil
	}
	plain := func(t *scorer, row *row) { t.plain(&m.raw, row) }
	r.Selective = make([]Selective, len(plainScores), len(plainScores)+1)
	err := m.rank(part{}, r.signed, len(plainScores), plain, func(i int, c *RiskCoverage) {
		r.Selective[i] = selective(plainScores[i].key, plainScores[i].name, c)
	})
	if err != nil {
		return err
	}
	for i, s := range plainScores {
		if s.logits && m.options.Probabilities {
			r.Selective[i] = undefinedSelective(s.key, s.name, r.N,
				"probabilities do not determine the largest logit; save logits")
		}
	}
	chosen, err := m.choosePNorm(r)
	if err == nil {
		r.Selective = append(r.Selective, chosen)
	}
	return err
}

// choosePNorm chooses p and the centring with the least AURC on the samples of the fit, and measures
// the others with them. Of equal AURCs the first counts: with centring, then the smaller p.
func (m *measurement) choosePNorm(r *Report) (Selective, error) {
	pairs := 2 * (maxP + 1)
	if m.options.Probabilities {
		pairs = maxP + 1 // probabilities determine the logits up to a constant
	}
	all := func(t *scorer, row *row) { t.normalised(&m.raw, row) }
	aurc := make([]float64, 2*(maxP+1))
	err := m.rank(m.fit, r.signed, len(aurc), all, func(i int, c *RiskCoverage) { aurc[i] = c.AURC() })
	if err != nil {
		return Selective{}, err
	}
	best := 0
	for i := range pairs {
		if aurc[i] < aurc[best] {
			best = i
		}
	}
	out := make([]Selective, 2)
	both := func(t *scorer, row *row) {
		t.normalised(&m.raw, row)
		score := t.out[best]
		t.plain(&m.raw, row)
		t.out[1] = score
	}
	err = m.rank(m.rest, r.signed, 2, both, func(i int, c *RiskCoverage) {
		out[i] = selective([]string{"msp", "pnorm"}[i], []string{"MSP", "p-norm"}[i], c)
	})
	out[1].PNorm = &PNorm{P: best % (maxP + 1), Centred: best <= maxP, AURC: aurc[best], MSP: &out[0]}
	return out[1], err
}

// rank calls use, at the same time for several, with the risk and coverage of each of count scores of
// the samples of a part; fill writes the scores of a row. signed holds in its signs whether a sample of
// the source is predicted right. It reads the source once for every group of scores that fits in
// aceBytes.
func (m *measurement) rank(p part, signed []float64, count int, fill func(*scorer, *row),
	use func(i int, c *RiskCoverage)) error {
	n, k := m.src.Shape()
	var correct []bool
	for i, v := range signed {
		if p.has(int64(i)) {
			correct = append(correct, !math.Signbit(v))
		}
	}
	size := len(correct)
	at := min(count, max(int(aceBytes/(8*n)), len(m.work)/size))
	columns := make([][]float64, at)
	for c := range columns {
		if (c+1)*size <= len(m.work) {
			columns[c] = m.work[c*size : (c+1)*size]
		} else {
			columns[c] = make([]float64, size)
		}
	}
	for first := 0; first < count; first += at {
		last := min(first+at, count)
		_, err := reduce(m.src, func() *scorer {
			return &scorer{out: make([]float64, 2*(maxP+1)), powers: make([]float64, k)}
		}, func(t *scorer, r *row) {
			if !p.has(r.i) {
				return
			}
			fill(t, r)
			for c := first; c < last; c++ {
				columns[c-first][p.place(r.i)] = t.out[c]
			}
		}, func(_, _ *scorer) {})
		if err != nil {
			return err
		}
		each(last-first, func(i int) {
			use(first+i, divide(columns[i], func(j int) bool { return correct[j] }))
		})
	}
	return nil
}

// coverages are those at which Selective has the risk.
func coverages() []float64 {
	out := make([]float64, 100)
	for i := range out {
		out[i] = float64(i+1) / 100
	}
	return out
}

func selective(key, name string, c *RiskCoverage) Selective {
	s := Selective{
		Key: key, Name: name, N: int64(c.N()), AURC: c.AURC(), EAURC: c.EAURC(), AUGRC: c.AUGRC(),
		CoverageAt1: c.Coverage(0.01), CoverageAt5: c.Coverage(0.05), Risks: c.risks(coverages()),
	}
	s.RiskAt80, s.RiskAt90 = s.Risks[79], s.Risks[89]
	return s
}

func undefinedSelective(key, name string, n int64, why string) Selective {
	nan := math.NaN()
	return Selective{Key: key, Name: name, N: n, AURC: nan, EAURC: nan, AUGRC: nan, RiskAt80: nan, RiskAt90: nan,
		CoverageAt1: nan, CoverageAt5: nan, Note: why}
}

// MarshalJSON writes the object of one score under "selective" of collapse calibrate --json.
func (s Selective) MarshalJSON() ([]byte, error) {
	var o object.Object
	o.Field("n", s.N)
	for _, v := range []struct {
		key   string
		value float64
	}{
		{"aurc", s.AURC}, {"eaurc", s.EAURC}, {"augrc", s.AUGRC}, {"risk_at_80", s.RiskAt80},
		{"risk_at_90", s.RiskAt90}, {"coverage_at_1", s.CoverageAt1}, {"coverage_at_5", s.CoverageAt5},
	} {
		o.Field(v.key, object.Number(v.value))
	}
	if s.PNorm != nil {
		o.Field("p", s.PNorm.P)
		o.Field("centred", s.PNorm.Centred)
		o.Field("msp_same", s.PNorm.MSP)
	}
	if s.Note != "" {
		o.Field("note", s.Note)
	}
	o.Field("risks", object.Numbers(s.Risks))
	return o.JSON()
}

// selectives are scores, as one object with a field for each; null if there are none.
type selectives []Selective

func (s selectives) MarshalJSON() ([]byte, error) {
	if s == nil {
		return []byte("null"), nil
	}
	var o object.Object
	for _, one := range s {
		o.Field(one.Key, one)
	}
	return o.JSON()
}
