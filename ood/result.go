package ood

import (
	"fmt"
	"maps"
	"math"
	"runtime"
	"sync"

	"github.com/gocollapse/collapse/internal/object"
	"github.com/gocollapse/collapse/internal/resample"
)

// Result is the result of Measure.
type Result struct {
	N       int64 // training samples
	D, K    int
	ID      int64    // in-distribution samples
	Sets    []string // names
	Sizes   []int64  // samples of each set
	Scores  []Score
	Options Options
	Fit     *Fit
	Notes   map[string]string // by the key of a score: why it is not defined, or what limits it
}

// Score is one score with its results for each set.
type Score struct {
	Info
	Defined bool
	Results []Outcome // in the order of Result.Sets
}

// Outcome is how well a score tells the samples of a set from the in-distribution ones. Low and High bound
// the central 95 % of bootstrap replicates; they are NaN without a bootstrap.
type Outcome struct {
	Detection
	Low, High Detection
}

// each calls f for 0…n−1 on all processors.
func each(n int, f func(i int)) {
	var wg sync.WaitGroup
	workers := min(n, runtime.GOMAXPROCS(0))
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				f(i)
			}
		})
	}
	wg.Wait()
}

// compare fills the scores of the result from those of the samples: values has the in-distribution ones
// first.
func (r *Result) compare(f *Fit, values []*scored) {
	nan := math.NaN()
	none := Detection{nan, nan, nan, nan}
	for i, info := range infos {
		if !f.wants(i) {
			continue
		}
		s := Score{Info: info, Defined: !f.none[i]}
		note := f.note[i]
		for j, v := range values {
			if v.bad[i] > 0 && s.Defined {
				s.Defined = false
				note = fmt.Sprintf("sample %d of %s, counted from 0, has no finite score: its features or logits are "+
					"too large", v.bad[i]-1, append([]string{"test_features"}, r.Sets...)[j])
			}
		}
		if note != "" {
			r.Notes[info.Key] = note
		}
		for _, v := range values[1:] {
			o := Outcome{none, none, none}
			if s.Defined {
				rank := newRanking(values[0].values[i], v.values[i])
				o.Detection = rank.detect(nil, nil)
				if r.Options.Bootstrap > 0 {
					o.Low, o.High = rank.intervals(r.Options.Bootstrap, r.Options.Seed)
				}
			}
			s.Results = append(s.Results, o)
		}
		r.Scores = append(r.Scores, s)
	}
}

// ordered is an object in another one.
type ordered struct{ *object.Object }

func (o ordered) MarshalJSON() ([]byte, error) { return o.JSON() }

// MarshalJSON writes the object of collapse ood --json.
func (r *Result) MarshalJSON() ([]byte, error) {
	var o object.Object
	o.Field("n", r.N)
	o.Field("d", r.D)
	o.Field("k", r.K)
	o.Field("id", r.ID)
	var sizes object.Object
	for i, name := range r.Sets {
		sizes.Field(name, r.Sizes[i])
	}
	o.Field("ood", ordered{&sizes})
	var all object.Object
	for _, s := range r.Scores {
		var sets object.Object
		for i, name := range r.Sets {
			var one object.Object
			for _, m := range Metrics() {
				one.Field(m.Key, object.Number(*m.Of(&s.Results[i].Detection)))
			}
			if r.Options.Bootstrap > 0 {
				var ci object.Object
				for _, m := range Metrics() {
					low, high := *m.Of(&s.Results[i].Low), *m.Of(&s.Results[i].High)
					ci.Field(m.Key, object.Numbers([]float64{low, high}))
				}
				one.Field("ci", ordered{&ci})
			}
			sets.Field(name, ordered{&one})
		}
		all.Field(s.Key, ordered{&sets})
	}
	o.Field("scores", ordered{&all})
	f := r.Fit
	var dim, alpha any
	if !f.none[vim] {
		dim, alpha = r.D-f.residuals, object.Number(f.Alpha)
	}
	o.Field("settings", map[string]any{
		"temperature": f.T, "neighbours": f.Neighbours, "bank": len(f.bank) / r.D, "vim_dim": dim, "vim_alpha": alpha,
		"neco_dim": f.NecoRank, "neco_max_logit": f.NecoMaxLogit,
		"nci_alpha": f.NCIAlpha,
	})
	if r.Options.Bootstrap > 0 {
		o.Field("bootstrap", map[string]any{
			"replicates": r.Options.Bootstrap, "level": resample.Level, "seed": r.Options.Seed,
		})
	}
	notes := map[string]string{}
	maps.Copy(notes, r.Notes)
	o.Field("notes", notes)
	return o.JSON()
}
