package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/figures"
	"github.com/gocollapse/collapse/npz"
	"github.com/gocollapse/collapse/ufm"
)

// TestUFM: the paper's setting as JSON, with the contract's keys.
func TestUFM(t *testing.T) {
	var got map[string]any
	callJSON(t, &got, "ufm", "--k", "10", "--n", "5000", "--d", "512", "--lambda-w", "1e-3", "--lambda-h", "1e-6",
		"--lambda-b", "1e-2", "--delta", "0.05", "--json", "--solve")
	for key, want := range map[string]float64{
		"w_norm": 3.1278, "h_norm": 1.3988, "kappa_h": 9.34875, "kappa_w": 9.34875,
		"s": 0.0223607, "p_n": 0.00723607, "p_t": 0.934875,
	} {
		if v, ok := got[key].(float64); !ok || math.Abs(v-want) > 1e-4*want {
			t.Errorf("%s = %v, want %v", key, got[key], want)
		}
	}
	for _, key := range []string{"a", "loss", "objective", "notes", "conditions"} {
		if got[key] == nil {
			t.Errorf("no %s", key)
		}
	}
	if h := got["hessian_h"].([]any); len(h) != 3 || h[0].([]any)[1] != 25150000.0 || h[2].([]any)[1] != 50000.0 {
		t.Errorf("hessian_h = %v", h)
	}
	solver := got["solver"].(map[string]any)
	if solver["converged"] != true || math.Abs(solver["objective_error"].(float64)) > 1e-10 ||
		solver["w_error"].(float64) > 1e-6 {
		t.Errorf("solver %v", solver)
	}
	// Collapsed: null with the reason.
	got = nil
	callJSON(t, &got, "ufm", "--delta", "0.99", "--json")
	if v, ok := got["kappa_h"]; !ok || v != nil || got["notes"].(map[string]any)["kappa_h"] == nil {
		t.Errorf("at s+δ ≥ 1: kappa_h = %v, notes %v", v, got["notes"])
	}
}

func TestUFMFiles(t *testing.T) {
	dir := t.TempDir()
	small := []string{"ufm", "--k", "4", "--d", "5", "--n", "10", "--lambda-h", "1e-3"}
	for _, name := range figures.UFMNames() {
		file := filepath.Join(dir, name+".svg")
		if code, _, stderr := call(t, append(small, "--figure", name, "--plot", file)...); code != 0 {
			t.Fatalf("%s: %s", name, stderr)
		}
		if b, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(b), "<svg") {
			t.Errorf("%s: no SVG, %v", name, err)
		}
	}
	page := filepath.Join(dir, "ufm.html")
	if code, _, stderr := call(t, append(small, "--solve", "--html", page)...); code != 0 {
		t.Fatal(stderr)
	}
	b, err := os.ReadFile(page)
	if err != nil || strings.Count(string(b), "<svg") < 5 ||
		!strings.Contains(string(b), "Solver compared with the closed form") {
		t.Errorf("page with %d pictures, %v", strings.Count(string(b), "<svg"), err)
	}
}

// TestUFMCompare: a network at the minimiser is compared as one.
func TestUFMCompare(t *testing.T) {
	p := ufm.Params{K: 4, N: 3, D: 5, LambdaW: 1e-2, LambdaH: 1e-3, LambdaB: 1e-2, Delta: 0.1}
	m, err := p.Minimiser()
	if err != nil {
		t.Fatal(err)
	}
	prob := p.Problem()
	w, h, _ := prob.Split(m.Point(true))
	file := filepath.Join(t.TempDir(), "net.npz")
	out, err := npz.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	var labels []int64
	for _, y := range prob.Labels() {
		labels = append(labels, int64(y))
	}
	for _, err := range []error{
		npz.Write(out, "features", []int{12, 5}, h), npz.Write(out, "labels", []int{12}, labels),
		npz.Write(out, "weight", []int{4, 5}, w), out.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var got struct {
		K, N, D  int
		Compared map[string]json.RawMessage
	}
	callJSON(t, &got, "ufm", "--compare", file, "--lambda-w", "1e-2", "--lambda-h", "1e-3", "--delta", "0.1", "--json")
	if got.K != 4 || got.N != 3 || got.D != 5 {
		t.Errorf("sizes %+v", got)
	}
	for _, name := range []string{"w_norm", "h_norm", "p_t", "kappa_h", "kappa_w"} {
		var pair struct{ Relative float64 }
		if err := json.Unmarshal(got.Compared[name], &pair); err != nil || pair.Relative > 1e-9 {
			t.Errorf("%s: %s", name, got.Compared[name])
		}
	}
}

// TestUFMExtremePenalties: every penalty that the docs admit gives numbers, and a page that says what
// it leaves out and why.
func TestUFMExtremePenalties(t *testing.T) {
	page := filepath.Join(t.TempDir(), "ufm.html")
	for _, args := range [][]string{
		{"--lambda-h", "1e-20"}, {"--lambda-h", "1e-100", "--lambda-w", "1e-100"},
		{"--k", "2", "--d", "1", "--lambda-b", "1e-100"},
	} {
		var got struct {
			Conditions map[string]*float64
			Notes      map[string]string
		}
		callJSON(t, &got, append([]string{"ufm", "--json", "--html", page}, args...)...)
		if len(got.Conditions) != 4 || len(got.Notes) > 2 {
			t.Errorf("%v: %+v", args, got)
		}
		for key, v := range got.Conditions {
			if v == nil || *v < 1 {
				t.Errorf("%v: %s is %v", args, key, v)
			}
		}
		b, err := os.ReadFile(page)
		if err != nil || strings.Count(string(b), "<svg") != len(figures.UFMNames())-1 ||
			!strings.Contains(string(b), "Not drawn: dynamics. ufm: too many steps") {
			t.Errorf("%v: page with %d pictures, %v", args, strings.Count(string(b), "<svg"), err)
		}
	}
}

func TestUFMRefuses(t *testing.T) {
	checkRefused(t, "ufm", []refusal{
		{[]string{"--delta", "1"}, exitUsage, "δ = 1 is outside [0, 1)"},
		{[]string{"--k", "10", "--d", "8"}, exitUsage, "d = 8"},
		{[]string{"--lambda-w", "NaN"}, exitUsage, "λ_W"},
		{[]string{"--figure", "pie"}, exitUsage, "norms, kappa"},
		{[]string{"--plot", "x.bmp"}, exitUsage, ".svg or .png"},
		{[]string{"--compare", "absent.npz"}, exitInput, "absent.npz"},
		{[]string{"--k", "100000", "--d", "100000", "--solve"}, exitUsage, "smaller K (--k)"},
		{[]string{"--k", "1000000000", "--d", "1000000000", "--n", "1", "--solve"}, exitUsage, "smaller K (--k)"},
		{[]string{"--lambda-h", "1e-20", "--figure", "dynamics", "--plot", "x.svg"}, exitUsage,
			"take 1e+06 times λ_W (--lambda-w) and λ_H (--lambda-h)"},
	})
}
