package files

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/calib"
	"github.com/gocollapse/collapse/npz"
)

// sample draws logits of k classes and labels that follow them.
func sample(n, k int) (z []float64, y []int64) {
	rng := rand.New(rand.NewPCG(51, 52))
	z, y = make([]float64, n*k), make([]int64, n)
	for i := range z {
		z[i] = 3 * rng.NormFloat64()
	}
	for i := range y {
		y[i] = int64(rng.IntN(k))
	}
	return z, y
}

// rows applies f to every row of a copy.
func rows(z []float64, k int, f func(row []float64)) []float64 {
	z = slices.Clone(z)
	for i := 0; i < len(z); i += k {
		f(z[i : i+k])
	}
	return z
}

func softmax(row []float64) {
	var sum float64
	for c, v := range row {
		row[c] = math.Exp(v)
		sum += row[c]
	}
	for c := range row {
		row[c] /= sum
	}
}

// rounded returns softmax followed by rounding to so many decimals.
func rounded(decimals float64) func(row []float64) {
	return func(row []float64) {
		softmax(row)
		for c, v := range row {
			row[c] = math.Round(v*math.Pow(10, decimals)) / math.Pow(10, decimals)
		}
	}
}

// TestGuess: every kind of number that is not logits is refused, or noted, with what was seen, and
// the flag settles it.
func TestGuess(t *testing.T) {
	const n, k = 200, 5
	z, y := sample(n, k)
	p := rows(z, k, softmax)
	zeros := slices.Clone(p)
	copy(zeros[3*k:4*k], make([]float64, k))
	dropped, extra := make([]float64, 0, n*(k-1)), make([]float64, 0, n*(k+1))
	few := make([]int64, n)
	for i := range n {
		dropped = append(dropped, p[i*k:(i+1)*k-1]...)
		extra = append(append(extra, float64(y[i])), p[i*k:(i+1)*k]...)
		few[i] = y[i] % 4
	}
	relu := rows(z, k, func(row []float64) {
		for c := range row {
			row[c] = max(row[c], 0)
		}
	})
	sigmoid := rows(z, k, func(row []float64) {
		for c, v := range row {
			row[c] = 1 / (1 + math.Exp(-v))
		}
	})
	percent := rows(z, k, func(row []float64) {
		softmax(row)
		for c := range row {
			row[c] *= 100
		}
	})
	logs := rows(z, k, func(row []float64) {
		softmax(row)
		for c := range row {
			row[c] = math.Log(row[c])
		}
	})
	for name, c := range map[string]struct {
		z           []float64
		k           int
		y           []int64
		fault, note string
	}{
		"logits":            {z, k, y, "", ""},
		"probabilities":     {p, k, y, "every row", ""},
		"two decimals":      {rows(z, k, rounded(2)), k, y, "probabilities", ""},
		"three decimals":    {rows(z, k, rounded(3)), k, y, "probabilities", ""},
		"a row of zeros":    {zeros, k, y, "199 of 200 rows", ""},
		"percentages":       {percent, k, y, "percentages", ""},
		"sigmoids":          {sigmoid, k, y, "sigmoids", ""},
		"a dropped column":  {dropped, k - 1, few, "a class column is missing", ""},
		"an extra column":   {extra, k + 1, y, "column 0 is left out", ""},
		"log-probabilities": {logs, k, y, "", "log-probabilities"},
		"features":          {relu, k, few, "", "no number is below 0"},
	} {
		path := write(t, c.z, c.k, c.y)
		f, err := Open(context.Background(), path, Guess)
		switch {
		case c.fault != "":
			if err == nil || !strings.Contains(err.Error(), c.fault) || !strings.Contains(err.Error(), "--logits-are") {
				t.Errorf("%s: error %v, want %q", name, err, c.fault)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case (c.note == "") != (f.Note() == "") || !strings.Contains(f.Note(), c.note):
			t.Errorf("%s: note %q, want %q", name, f.Note(), c.note)
		}
		if f, err := Open(context.Background(), path, Logits); err != nil || f.Note() != "" {
			t.Errorf("%s, settled as logits: %v", name, err)
		}
	}
}

// TestKinds: what the user says the numbers are is checked.
func TestKinds(t *testing.T) {
	const n, k = 200, 5
	z, y := sample(n, k)
	p := rows(z, k, softmax)
	logs := rows(p, k, func(row []float64) {
		for c, v := range row {
			row[c] = math.Log(v)
		}
	})
	zeros := slices.Clone(p)
	copy(zeros[3*k:4*k], make([]float64, k))
	for kind, c := range map[Kind]struct{ good, bad []float64 }{Probabilities: {p, z}, LogProbabilities: {logs, z}} {
		if _, err := Open(context.Background(), write(t, c.good, k, y), kind); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if _, err := Open(context.Background(), write(t, c.bad, k, y), kind); err == nil ||
			!strings.Contains(err.Error(), "is not a distribution") {
			t.Errorf("logits as %s: %v", kind, err)
		}
	}
	_, err := Open(context.Background(), write(t, zeros, k, y), Probabilities)
	for _, part := range []string{"row 3", "sums to 0", "within 0.002"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("a row of zeros: %v, want %q", err, part)
		}
	}
}

// TestScores: N and N×1 scores of class 1 give what their two columns give, and this is said.
func TestScores(t *testing.T) {
	z, y := sample(300, 2)
	score, two := make([]float64, 300), make([]float64, 0, 600)
	for i := range score {
		score[i] = z[2*i]
		two = append(two, 0, z[2*i])
	}
	apply := func(f func(float64) float64) []float64 {
		out := make([]float64, len(score))
		for i, v := range score {
			out[i] = f(v)
		}
		return out
	}
	sigmoid := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	measured := func(path string, kind Kind) *calib.Report {
		t.Helper()
		models, err := Measure(context.Background(), []string{path}, Options{Kind: kind})
		if err != nil {
			t.Fatal(err)
		}
		return models[0].Report
	}
	want := measured(write(t, two, 2, y), Guess)
	for _, c := range []struct {
		kind Kind
		z    []float64
		note string
	}{
		{Guess, score, "0 and z"}, {Logits, score, "0 and z"}, {Probabilities, apply(sigmoid), "1 − p and p"},
		{LogProbabilities, apply(func(v float64) float64 { return -math.Log1p(math.Exp(-v)) }), "log p"},
	} {
		for _, path := range []string{write(t, c.z, 1, y), writeFlat(t, c.z, y)} {
			got := measured(path, c.kind)
			a, b := got.Temperature.T, want.Temperature.T
			if math.Abs(got.ECE-want.ECE) > 1e-9 || math.Abs(a/b-1) > 1e-6 || got.K != 2 {
				t.Errorf("%q: ECE %v, T %v; want %v, %v", c.kind, got.ECE, a, want.ECE, b)
			}
			if !strings.Contains(got.Notes["logits"], c.note) {
				t.Errorf("%q: note %q", c.kind, got.Notes["logits"])
			}
		}
	}
	if _, err := Open(context.Background(), writeFlat(t, apply(sigmoid), y), Guess); err == nil ||
		!strings.Contains(err.Error(), "every score lies in [0, 1]") {
		t.Errorf("probabilities of class 1: %v", err)
	}
}

// writeFlat writes scores as an array of one dimension.
func writeFlat(t *testing.T, z []float64, y []int64) string {
	t.Helper()
	path := t.TempDir() + "/scores.npz"
	w, err := npz.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		npz.Write(w, "logits", []int{len(z)}, z), npz.Write(w, "labels", []int{len(y)}, y), w.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestModelNames(t *testing.T) {
	for _, c := range []struct{ paths, want []string }{
		{[]string{"x/ce.npz", "y/ls.npz"}, []string{"ce", "ls"}},
		{[]string{"a/test_logits.npz", "b/test_logits.npz"}, []string{"a", "b"}},
		{[]string{"/r/ce/s1/t.npz", "/r/ls/s1/t.npz", "/r/u.npz"}, []string{"ce", "ls", "u"}},
		{[]string{"t.npz", "b/t.npz"}, []string{"t", "b"}},
		{[]string{"t.npz", "t.npz"}, []string{"t", "t (2)"}},
		{[]string{"r/a/1/t.npz", "r/b/2/t.npz"}, []string{"a/1", "b/2"}},
	} {
		got := ModelNames(c.paths)
		if !slices.Equal(got, c.want) {
			t.Errorf("%v are named %q, want %q", c.paths, got, c.want)
		}
		if err := CheckNames(got, len(c.paths)); err != nil {
			t.Error(err)
		}
	}
	for _, names := range [][]string{{"a"}, {"a", "a"}, {"a", ""}} {
		if CheckNames(names, 2) == nil {
			t.Errorf("%q: no error", names)
		}
	}
}
