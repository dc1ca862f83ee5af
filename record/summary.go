package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// MinSeeds is how many paired seeds a verdict needs; fewer decide nothing.
const MinSeeds = 3

// Verdicts on two losses.
const (
	LSAhead    = "LS ahead"
	CEAhead    = "CE ahead"
	NotDecided = "not decided at this scale"
)

// Summary is what runs say together: the means over seeds and, where the same seeds
// were run under cross entropy and under label smoothing, their differences.
type Summary struct {
	Groups []Group  `json:"groups"`
	Pairs  []Pair   `json:"pairs"`
	Notes  []string `json:"notes,omitempty"` // runs that were left out, and reservations
}

// Group is the runs of one specification that differ in their seeds alone.
type Group struct {
	Label   string     `json:"label"` // what sets the group apart from the others
	Spec    Spec       `json:"spec"`  // of the first run
	Seeds   []int64    `json:"seeds"`
	Figures []Estimate `json:"figures"` // of the last epoch

	runs []*Record
}

// Pair is one specification under both losses, on the seeds that both have.
type Pair struct {
	CE      string       `json:"ce"` // labels of the groups
	LS      string       `json:"ls"`
	Seeds   []int64      `json:"seeds"`
	Figures []Difference `json:"figures"`
}

// Estimate is the mean of a figure over n seeds and its 95 % interval by Student's
// t. The interval and the standard deviation of a single seed are NaN.
type Estimate struct {
	Name string `json:"name"` // the figure's JSON name in a row; with train_ or test_ before that of a calibration
	N    int    `json:"n"`
	Mean Number `json:"mean"`
	SD   Number `json:"sd"` // with n − 1
	Low  Number `json:"low"`
	High Number `json:"high"`
}

// Difference is the estimate of LS less CE over paired seeds, with the verdict: the
// loss whose figure is the lower one is ahead, if the interval over at least MinSeeds
// pairs lies wholly on one side of 0. The verdict of a figure that is not better for
// being lower is "".
type Difference struct {
	Estimate
	Verdict string `json:"verdict,omitempty"`
}

// Figure is one figure of a row, as Summarise looks at it.
type Figure struct {
	Name  string
	Lower bool // is better: errors, calibration, and collapse
	Own   bool // depends on the run's own loss, and does not compare between losses
	Value func(*Epoch) Number
}

// Figures lists the figures of a row in the order of the record.
func Figures() []Figure {
	var figures []Figure
	neutral := []string{"w_norm", "h_norm", "entropy", "confidence"}
	own := []string{"step_loss", "train_loss", "test_loss"}
	t := reflect.TypeFor[Epoch]()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		switch t.Field(i).Type {
		case reflect.TypeFor[Number]():
			figures = append(figures, Figure{Name: name, Lower: !slices.Contains(slices.Concat(neutral, own), name), Own: slices.Contains(own, name),
				Value: func(e *Epoch) Number { return Number(reflect.ValueOf(e).Elem().Field(i).Float()) }})
		case reflect.TypeFor[*Calibration]():
			split, _, _ := strings.Cut(name, "_")
			c := reflect.TypeFor[Calibration]()
			for j := range c.NumField() {
				if c.Field(j).Type != reflect.TypeFor[Number]() {
					continue
				}
				part, _, _ := strings.Cut(c.Field(j).Tag.Get("json"), ",")
				figures = append(figures, Figure{Name: split + "_" + part, Lower: !slices.Contains(neutral, part), Value: func(e *Epoch) Number {
					v := reflect.ValueOf(e).Elem().Field(i)
					if v.IsNil() {
						return Number(math.NaN())
					}
					return Number(v.Elem().Field(j).Float())
				}})
			}
		}
	}
	return figures
}

// Summarise gathers runs that differ in their seeds alone and estimates the figures
// of their last epoch; name, measured epochs and the machine may differ. Runs that have
// not got to their last epoch are left out, and so is the second of two runs of one
// specification and seed; notes name them. It is an error if no run is left.
func Summarise(runs ...*Record) (*Summary, error) {
	s := &Summary{Groups: []Group{}, Pairs: []Pair{}}
	var keys []string
	for i, r := range runs {
		name := r.Spec.Name
		if name == "" {
			name = fmt.Sprintf("run %d", i+1)
		}
		if last := r.Last(); last == nil || last.Epoch < r.Spec.Epochs || r.Status == Failed {
			s.Notes = append(s.Notes, fmt.Sprintf("Left out: %s, which is not complete (%s, %d of %d epochs).", name, r.Status, trained(r), r.Spec.Epochs))
			continue
		}
		key := groupKey(r)
		g := slices.Index(keys, key)
		if g < 0 {
			g = len(keys)
			keys = append(keys, key)
			s.Groups = append(s.Groups, Group{Spec: r.Spec.Resolve()})
		}
		if slices.Contains(s.Groups[g].Seeds, r.Spec.Seed) {
			s.Notes = append(s.Notes, fmt.Sprintf("Left out: %s, a second run of seed %d.", name, r.Spec.Seed))
			continue
		}
		s.Groups[g].Seeds = append(s.Groups[g].Seeds, r.Spec.Seed)
		s.Groups[g].runs = append(s.Groups[g].runs, r)
	}
	if len(s.Groups) == 0 {
		return nil, errors.New("record: no complete run to sum up; " + strings.Join(append(s.Notes, "give run folders or records"), " "))
	}
	label(s.Groups)
	for i := range s.Groups {
		g := &s.Groups[i]
		sort.Sort(bySeed{g})
		g.Figures = estimate(g.runs)
		if b := backends(g.runs); len(b) > 1 {
			s.Notes = append(s.Notes, fmt.Sprintf("%s: the runs were computed on %s.", g.Label, strings.Join(b, " and ")))
		}
	}
	for i := range s.Groups {
		for j := range s.Groups {
			ce, ls := &s.Groups[i], &s.Groups[j]
			if ce.Spec.Loss != "ce" || ls.Spec.Loss != "ls" || pairKey(ce.runs[0]) != pairKey(ls.runs[0]) {
				continue
			}
			if p := pair(ce, ls); len(p.Seeds) > 0 {
				s.Pairs = append(s.Pairs, p)
			}
		}
	}
	return s, nil
}

func trained(r *Record) int {
	if l := r.Last(); l != nil {
		return l.Epoch
	}
	return 0
}

// groupKey is the same of runs that differ in their seeds alone.
func groupKey(r *Record) string {
	s := r.Spec.Resolve()
	s.Name, s.Seed, s.Measure = "", 0, ""
	if s.Schedule == "multistep" {
		s.ScheduleEpochs = 0 // changes no rate, and older records do not have it
	}
	b, _ := json.Marshal(struct {
		Spec  Spec
		Train int
		Files []File
	}{s, r.Data.Train, r.Data.Files})
	return string(b)
}

// pairKey is the same of runs that differ in loss and seed alone.
func pairKey(r *Record) string {
	c := *r
	c.Spec.Loss, c.Spec.Delta = "ce", 0
	return groupKey(&c)
}

type bySeed struct{ *Group }

func (g bySeed) Len() int           { return len(g.Seeds) }
func (g bySeed) Less(i, j int) bool { return g.Seeds[i] < g.Seeds[j] }
func (g bySeed) Swap(i, j int) {
	g.Seeds[i], g.Seeds[j] = g.Seeds[j], g.Seeds[i]
	g.runs[i], g.runs[j] = g.runs[j], g.runs[i]
}

func backends(runs []*Record) []string {
	var names []string
	for _, r := range runs {
		if b := r.Environment.Backend; b != "" && !slices.Contains(names, b) {
			names = append(names, b)
		}
	}
	return names
}

// label names each group by its loss and by what else sets the groups apart.
func label(groups []Group) {
	fields := make([]map[string]any, len(groups))
	for i, g := range groups {
		b, _ := json.Marshal(g.Spec)
		_ = json.Unmarshal(b, &fields[i])
	}
	var apart []string
	for name, v := range fields[0] {
		if slices.Contains([]string{"name", "seed", "measure", "loss", "delta", "focal_gamma", "mse_weight", "mse_target"}, name) {
			continue
		}
		for _, f := range fields[1:] {
			if !reflect.DeepEqual(f[name], v) {
				apart = append(apart, name)
				break
			}
		}
	}
	slices.Sort(apart)
	for i := range groups {
		g := &groups[i]
		g.Label = LossName(g.Spec)
		for _, name := range apart {
			g.Label += fmt.Sprintf(", %s %v", name, fields[i][name])
		}
	}
	for i := range groups { // what no field of the specification tells apart
		for j := range i {
			if groups[j].Label == groups[i].Label {
				groups[i].Label += fmt.Sprintf(", other images (%d)", i+1)
			}
		}
	}
}

// LossName is the loss of a specification as people write it: CE, LS (δ = 0.05).
func LossName(s Spec) string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	switch s.Loss {
	case "ls":
		return "LS (δ = " + number(s.Delta) + ")"
	case "focal":
		return "focal (γ = " + number(s.FocalGamma) + ")"
	case "mse-resc":
		return "rescaled MSE (k = " + number(s.MSEWeight) + ", M = " + number(s.MSETarget) + ")"
	}
	return strings.ToUpper(s.Loss)
}

// estimate returns the estimates of the figures that all runs have.
func estimate(runs []*Record) []Estimate {
	out := []Estimate{}
	for _, f := range Figures() {
		if v := column(runs, f); v != nil {
			out = append(out, NewEstimate(f.Name, v))
		}
	}
	return out
}

// column returns a figure of the last epoch of all runs, or nil where one lacks it.
func column(runs []*Record, f Figure) []float64 {
	v := make([]float64, len(runs))
	for i, r := range runs {
		if v[i] = float64(f.Value(r.Last())); math.IsNaN(v[i]) {
			return nil
		}
	}
	return v
}

func pair(ce, ls *Group) Pair {
	p := Pair{CE: ce.Label, LS: ls.Label, Figures: []Difference{}}
	var a, b []*Record
	for _, two := range PairSeeds(ce.runs, ls.runs) {
		p.Seeds = append(p.Seeds, two[0].Spec.Seed)
		a, b = append(a, two[0]), append(b, two[1])
	}
	for _, f := range Figures() {
		x, y := column(a, f), column(b, f)
		if f.Own || x == nil || y == nil {
			continue
		}
		for i := range y {
			y[i] -= x[i]
		}
		d := Difference{Estimate: NewEstimate(f.Name, y)}
		if f.Lower {
			switch d.Side() {
			case -1:
				d.Verdict = LSAhead
			case 1:
				d.Verdict = CEAhead
			default:
				d.Verdict = NotDecided
			}
		}
		p.Figures = append(p.Figures, d)
	}
	return p
}

// PairSeeds pairs the runs of two groups by seed, in the order of a; a seed that
// stands twice counts once.
func PairSeeds(a, b []*Record) (pairs [][2]*Record) {
	seen := map[int64]bool{}
	for _, x := range a {
		i := slices.IndexFunc(b, func(y *Record) bool { return y.Spec.Seed == x.Spec.Seed })
		if i >= 0 && !seen[x.Spec.Seed] {
			seen[x.Spec.Seed] = true
			pairs = append(pairs, [2]*Record{x, b[i]})
		}
	}
	return pairs
}

// NewEstimate returns the estimate of values, one a seed.
func NewEstimate(name string, v []float64) Estimate {
	n := float64(len(v))
	nan := Number(math.NaN())
	e := Estimate{Name: name, N: len(v), Mean: nan, SD: nan, Low: nan, High: nan}
	if len(v) == 0 {
		return e
	}
	var mean, square float64
	for _, x := range v {
		mean += x / n
	}
	e.Mean = Number(mean)
	if len(v) < 2 {
		return e
	}
	for _, x := range v {
		square += (x - mean) * (x - mean)
	}
	sd := math.Sqrt(square / (n - 1))
	half := StudentQuantile(0.975, n-1) * sd / math.Sqrt(n)
	e.SD, e.Low, e.High = Number(sd), Number(mean-half), Number(mean+half)
	return e
}

// Side returns on which side of 0 the interval lies wholly, −1 or 1. It is 0 where
// the interval holds 0, and for fewer than MinSeeds values.
func (e Estimate) Side() int {
	switch {
	case e.N < MinSeeds:
	case e.Low > 0:
		return 1
	case e.High < 0:
		return -1
	}
	return 0
}

// StudentQuantile returns the p-quantile of Student's t distribution with nu degrees
// of freedom, for p in (0, 1) and nu > 0; NaN for others.
func StudentQuantile(p, nu float64) float64 {
	if !(p > 0 && p < 1 && nu > 0) {
		return math.NaN()
	}
	if p < 0.5 {
		return -StudentQuantile(1-p, nu)
	}
	// P(|T| > t) = I_x(ν/2, 1/2) with x = ν/(ν+t²), which rises with x.
	low, high := 0.0, 1.0
	for range 200 {
		x := (low + high) / 2
		if incompleteBeta(x, nu/2, 0.5) < 2*(1-p) {
			low = x
		} else {
			high = x
		}
	}
	x := (low + high) / 2
	return math.Sqrt(nu * (1 - x) / x)
}

// incompleteBeta is the regularised incomplete beta function I_x(a, b), by its
// continued fraction (Press et al., Numerical Recipes, 6.4).
func incompleteBeta(x, a, b float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2):
		return 1 - incompleteBeta(1-x, b, a)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	// Lentz's method.
	const tiny = 1e-300
	c, d := 1.0, 1-(a+b)*x/(a+1)
	if math.Abs(d) < tiny {
		d = tiny
	}
	d = 1 / d
	f := d
	for m := 1.0; m < 1000; m++ {
		for _, k := range [2]float64{
			m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m)),
			-(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1)),
		} {
			if d = 1 + k*d; math.Abs(d) < tiny {
				d = tiny
			}
			if c = 1 + k/c; math.Abs(c) < tiny {
				c = tiny
			}
			d = 1 / d
			f *= c * d
		}
		if math.Abs(c*d-1) < 1e-15 {
			break
		}
	}
	return front * f
}

// ReadAll reads records given as files, as run folders, and as folders of either: of a
// folder without a record.json the *.json files in it and every record.json below. It is
// an error, which names the path, if one holds no record.
func ReadAll(paths ...string) ([]*Record, error) {
	var runs []*Record
	for _, path := range paths {
		files, err := find(path)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			r, err := ReadFile(file)
			if err != nil {
				return nil, err
			}
			runs = append(runs, r)
		}
	}
	return runs, nil
}

func find(path string) ([]string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if !st.IsDir() {
		return []string{path}, nil
	}
	own := filepath.Join(path, "record.json")
	if _, err := os.Stat(own); err == nil {
		return []string{own}, nil
	}
	files, err := filepath.Glob(filepath.Join(escape(path), "*.json"))
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() == "record.json" {
			files = append(files, p)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("record: %s holds no record; want a run's folder, a folder of runs, or a .json file", path)
	}
	return files, nil
}

// escape keeps filepath.Glob from reading a path as a pattern.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}
