package ood

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/nc"
)

// TestDetect compares with the definitions, by all pairs and all thresholds, where many scores are equal.
func TestDetect(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		in, out := make([]float64, 1+rng.IntN(40)), make([]float64, 1+rng.IntN(40))
		for i := range in {
			in[i] = float64(rng.IntN(8)) + 2
		}
		for i := range out {
			out[i] = float64(rng.IntN(8))
		}
		got, err := Detect(in, out)
		if err != nil {
			t.Fatal(err)
		}
		var want Detection
		for _, a := range in {
			for _, b := range out {
				switch {
				case a > b:
					want.AUROC++
				case a == b:
					want.AUROC += 0.5
				}
			}
		}
		want.AUROC /= float64(len(in) * len(out))
		want.AUPRIn = averagePrecision(in, out)
		negated := func(v []float64) (n []float64) {
			for _, x := range v {
				n = append(n, -x)
			}
			return n
		}
		want.AUPROut = averagePrecision(negated(out), negated(in))
		for threshold := 20.0; ; threshold-- {
			if atLeast(in, threshold) >= 0.95*float64(len(in)) {
				want.FPR95 = atLeast(out, threshold) / float64(len(out))
				break
			}
		}
		for _, m := range Metrics() {
			if math.Abs(*m.Of(&got)-*m.Of(&want)) > 1e-12 {
				t.Fatalf("%s of %v and %v is %v, want %v", m.Key, in, out, *m.Of(&got), *m.Of(&want))
			}
		}
	}
	for _, bad := range [][2][]float64{{nil, {1}}, {{1}, nil}, {{math.NaN()}, {1}}} {
		if _, err := Detect(bad[0], bad[1]); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}

// atLeast counts the scores that reach a threshold.
func atLeast(v []float64, threshold float64) (n float64) {
	for _, x := range v {
		if x >= threshold {
			n++
		}
	}
	return n
}

// averagePrecision is Σ (recall_i − recall_{i−1}) precision_i over thresholds.
func averagePrecision(positive, negative []float64) (sum float64) {
	thresholds := slices.Concat(positive, negative)
	slices.Sort(thresholds)
	thresholds = slices.Compact(thresholds)
	slices.Reverse(thresholds)
	before := 0.0
	for _, t := range thresholds {
		p := atLeast(positive, t)
		sum += (p - before) / float64(len(positive)) * p / (p + atLeast(negative, t))
		before = p
	}
	return sum
}

// TestIntervals: they hold the value, are in order, and are a point where all scores are told apart.
func TestIntervals(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	in, out := make([]float64, 300), make([]float64, 200)
	for i := range in {
		in[i] = rng.NormFloat64() + 1
	}
	for i := range out {
		out[i] = rng.NormFloat64()
	}
	r := newRanking(in, out)
	d := r.detect(nil, nil)
	low, high := r.intervals(400, 7)
	for _, m := range Metrics() {
		if v := *m.Of(&d); !(*m.Of(&low) < v && v < *m.Of(&high)) {
			t.Errorf("%s = %v is not inside %v to %v", m.Key, v, *m.Of(&low), *m.Of(&high))
		}
	}
	// The error of AUROC, by Hanley and McNeil.
	a, n, k := d.AUROC, float64(len(in)), float64(len(out))
	q1, q2 := a/(2-a), 2*a*a/(1+a)
	se := math.Sqrt((a*(1-a) + (n-1)*(q1-a*a) + (k-1)*(q2-a*a)) / (n * k))
	if w := (high.AUROC - low.AUROC) / (2 * 1.96 * se); w < 0.8 || w > 1.25 {
		t.Errorf("the interval of AUROC is %v times as wide as its error", w)
	}
	low, high = newRanking([]float64{3, 4, 5}, []float64{0, 1}).intervals(50, 1)
	if low.AUROC != 1 || high.AUROC != 1 || high.FPR95 != 0 {
		t.Errorf("told apart: %+v to %+v", low, high)
	}
}

// batches is a source in batches of an odd size, as float32.
type batches struct {
	features []float32
	labels   []int32
	d, size  int
}

func (s batches) Shape() (int64, int) { return int64(len(s.labels)), s.d }

func (s batches) Each(_ context.Context, visit func(nc.Batch) error) error {
	for from := 0; from < len(s.labels); from += s.size {
		to := min(from+s.size, len(s.labels))
		if err := visit(nc.BatchOf(s.features[from*s.d:to*s.d], s.labels[from:to])); err != nil {
			return err
		}
	}
	return nil
}

// measured measures a case of reference.py.
func measured(t *testing.T, c recorded, o Options) *Result {
	t.Helper()
	r, err := Measure(nc.Slices(c.Train, c.Labels), unlabelled(c.Test, c.D), []Set{{"other", unlabelled(c.Other, c.D)}},
		c.classifier(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestBatches: batches of any size and float32 give the same scores.
func TestBatches(t *testing.T) {
	c := reference(t)[0]
	narrow := func(v []float64) (out []float32) {
		for _, x := range v {
			out = append(out, float32(x))
		}
		return out
	}
	source := func(v []float64, labels []int32, size int) nc.Source {
		if labels == nil {
			labels = make([]int32, len(v)/c.D)
		}
		return batches{narrow(v), labels, c.D, size}
	}
	var all []*scored
	for _, size := range []int{7, 1000} {
		f, err := NewFit(source(c.Train, c.Labels, size), c.classifier(), options)
		if err != nil {
			t.Fatal(err)
		}
		s, err := f.all(source(c.Other, nil, size))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	for i, info := range infos {
		compare(t, info.Key, all[0].values[i], all[1].values[i], 1e-9)
	}
}

// TestIdentities: what does not change the scores' order does not change the metrics.
func TestIdentities(t *testing.T) {
	c := reference(t)[0]
	plain := measured(t, c, Options{})
	// Mahalanobis and its relative do not depend on a map of the features, here a scale for each dimension.
	scaled := c
	scale := func(v []float64) []float64 {
		v = slices.Clone(v)
		for i := range v {
			v[i] *= math.Pow(10, float64(i%c.D)-4)
		}
		return v
	}
	scaled.Train, scaled.Test, scaled.Other = scale(c.Train), scale(c.Test), scale(c.Other)
	mapped := measured(t, scaled, Options{})
	for _, i := range []int{mahalanobis, relative, neco} {
		if a, b := plain.Scores[i].Results[0].AUROC, mapped.Scores[i].Results[0].AUROC; math.Abs(a-b) > 1e-3 {
			t.Errorf("%s: AUROC %v, of scaled dimensions %v", infos[i].Key, a, b)
		}
	}
	// Of T → ∞ Energy has the order of the mean logit; at T = 1 and large gaps that of the largest.
	if plain.Scores[msp].Results[0] == plain.Scores[maxLogit].Results[0] {
		t.Error("MSP and MaxLogit are the same")
	}
}

// TestCollapsed: features at their class means have no spread within classes, which is said; the other
// scores are numbers.
func TestCollapsed(t *testing.T) {
	c := reference(t)[0]
	f, err := NewFit(nc.Slices(c.Train, c.Labels), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	means := slices.Clone(f.means)
	for i, y := range c.Labels {
		copy(c.Train[i*c.D:(i+1)*c.D], means[int(y)*c.D:(int(y)+1)*c.D])
	}
	r := measured(t, c, Options{})
	for i, s := range r.Scores {
		undefined := i == mahalanobis || i == relative
		if s.Defined == undefined || math.IsNaN(s.Results[0].AUROC) != undefined || undefined && r.Notes[s.Key] == "" {
			t.Errorf("%s: defined %v, AUROC %v, note %q", s.Key, s.Defined, s.Results[0].AUROC, r.Notes[s.Key])
		}
	}
}

// TestBank: of fewer samples than asked for k-NN says so, and its distances are those of samples.
func TestBank(t *testing.T) {
	c := reference(t)[0]
	r := measured(t, c, Options{Bank: 60, Neighbours: 1, Only: []string{"knn"}})
	if len(r.Scores) != 1 || !strings.Contains(r.Notes["knn"], "60 of the 240") || len(r.Fit.bank) != 60*c.D {
		t.Errorf("%d scores, notes %v", len(r.Scores), r.Notes)
	}
	if again := measured(t, c, Options{Bank: 60, Neighbours: 1, Only: []string{"knn"}}); !slices.Equal(r.Fit.bank,
		again.Fit.bank) {
		t.Error("the same seed draws another bank")
	}
	if r = measured(t, c, Options{Bank: 5, Neighbours: 6}); r.Scores[knn].Defined {
		t.Error("k = 6 neighbours of 5 samples")
	}
}

// TestInput: every fault is an error that names it.
func TestInput(t *testing.T) {
	c := reference(t)[0]
	train, test := nc.Slices(c.Train, c.Labels), unlabelled(c.Test, c.D)
	clf := c.classifier()
	other := []Set{{"other", unlabelled(c.Other, c.D)}}
	nan := slices.Clone(c.Other)
	nan[2*c.D+3] = math.NaN()
	absent := slices.Clone(c.Labels)
	for i, y := range absent {
		if y == 2 {
			absent[i] = 1
		}
	}
	narrow := &nc.Classifier{K: c.K, D: c.D - 1, W: c.Weight[:c.K*(c.D-1)]}
	short := &nc.Classifier{K: c.K, D: c.D, W: c.Weight[1:]}
	for name, v := range map[string]struct {
		train, test nc.Source
		sets        []Set
		clf         *nc.Classifier
		o           Options
		want        string
	}{
		"no set":         {train, test, nil, clf, Options{}, "no set"},
		"width":          {train, test, []Set{{"a", unlabelled(c.Other[:9], 9)}}, clf, Options{}, "d = 9"},
		"NaN":            {train, test, []Set{{"a", unlabelled(nan, c.D)}}, clf, Options{}, "feature 3 of sample 2"},
		"absent":         {nc.Slices(c.Train, absent), test, other, clf, Options{}, "class 2"},
		"one name":       {train, test, append(other, other[0]), clf, Options{}, "given twice"},
		"no test":        {train, nil, other, clf, Options{}, "there are none"},
		"classifier":     {train, test, other, narrow, Options{}, "transposed|d = 9"},
		"short weight":   {train, test, other, short, Options{}, "weight has"},
		"K":              {train, test, other, clf, Options{K: 7}, "K = 4"},
		"temperature":    {train, test, other, clf, Options{T: -1}, "temperature"},
		"score":          {train, test, other, clf, Options{Only: []string{"mps"}}, "no score"},
		"one replicate":  {train, test, other, clf, Options{Bootstrap: 1}, "replicates"},
		"dimension":      {train, test, other, clf, Options{VimDim: -1}, "dimension of ViM"},
		"α":              {train, test, other, clf, Options{NCIAlpha: math.NaN()}, "α"},
		"not a label":    {nc.Slices(c.Train, make([]int32, 3)), test, other, clf, Options{}, "dimensions"},
		"empty set":      {train, test, []Set{{"a", unlabelled(nil, c.D)}}, clf, Options{}, "no samples"},
		"no name of set": {train, test, []Set{{"", other[0].Source}}, clf, Options{}, "names must differ"},
	} {
		_, err := Measure(v.train, v.test, v.sets, v.clf, v.o)
		found := err != nil && slices.ContainsFunc(strings.Split(v.want, "|"), func(w string) bool {
			return strings.Contains(err.Error(), w)
		})
		if !found {
			t.Errorf("%s: error %v, want %q", name, err, v.want)
		}
	}
}

// TestJSON: every score and metric is under its key, null where it is not defined, with a note.
func TestJSON(t *testing.T) {
	c := reference(t)[0]
	r, err := Measure(nc.Slices(c.Train, c.Labels), unlabelled(c.Test, c.D), []Set{{"other", unlabelled(c.Other, c.D)}},
		nil, Options{Bootstrap: 20})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		N, D, K, ID int
		OOD         map[string]int
		Scores      map[string]map[string]map[string]any
		Notes       map[string]string
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.N != c.N || got.D != c.D || got.K != c.K || got.ID != 50 || got.OOD["other"] != 40 {
		t.Errorf("sizes %+v", got)
	}
	for _, i := range infos {
		one := got.Scores[i.Key]["other"]
		ci, _ := one["ci"].(map[string]any)
		for _, m := range Metrics() {
			_, number := one[m.Key].(float64)
			bounds, _ := ci[m.Key].([]any)
			if number == i.Classifier || len(bounds) != 2 || i.Classifier && got.Notes[i.Key] == "" {
				t.Errorf("%s of %s is %v in %v, note %q", m.Key, i.Key, one[m.Key], bounds, got.Notes[i.Key])
			}
		}
	}
}

// TestLargeFeatures: features whose squares overflow are an error, and logits that do leave a note.
func TestLargeFeatures(t *testing.T) {
	c := reference(t)[0]
	other := slices.Clone(c.Other)
	for i := range other {
		other[i] *= 1e300
	}
	r, err := Measure(nc.Slices(c.Train, c.Labels), unlabelled(c.Test, c.D), []Set{{"other", unlabelled(other, c.D)}},
		c.classifier(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Scores {
		if v := s.Results[0].AUROC; math.IsNaN(v) && !strings.Contains(r.Notes[s.Key], "no finite score") {
			t.Errorf("%s: AUROC %v, note %q", s.Key, v, r.Notes[s.Key])
		}
	}
	train := slices.Clone(c.Train)
	for i := range train {
		train[i] *= 1e200
	}
	if _, err := Measure(nc.Slices(train, c.Labels), unlabelled(c.Test, c.D), []Set{{"other", unlabelled(other, c.D)}},
		c.classifier(), Options{}); err == nil {
		t.Error("features of 1e200: no error")
	}
}
