package ufm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestReport: the JSON object has the minimiser's keys, the condition numbers and the solver's
// answer, which agrees with the closed form.
func TestReport(t *testing.T) {
	p := PaperParams()
	m, err := p.Minimiser()
	if err != nil {
		t.Fatal(err)
	}
	solved, err := p.SolveSmall(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	if !solved.Converged || solved.Distance.Max() > 1e-6 ||
		solved.Variables != 10*11+30*11+10 || solved.N != 3 || solved.D != 11 {
		t.Errorf("solution %+v", solved)
	}
	var got map[string]json.RawMessage
	text, err := json.Marshal(&Report{Minimiser: m, Solved: solved})
	if err != nil || json.Unmarshal(text, &got) != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, metric := range Metrics() {
		var v float64
		if err := json.Unmarshal(got[metric.Key], &v); err != nil || v != metric.Value(m) {
			t.Errorf("%s is %s, want %v", metric.Key, got[metric.Key], metric.Value(m))
		}
		if metric.Symbol == "" || metric.Range == "" || metric.Equation == "" || metric.Meaning == "" {
			t.Errorf("%s: symbol, range, equation or meaning is missing: %+v", metric.Key, metric)
		}
		if found, ok := MetricByKey(metric.Key); !ok || found.Symbol != metric.Symbol {
			t.Errorf("MetricByKey(%q) = %+v, %v", metric.Key, found, ok)
		}
	}
	if _, ok := MetricByKey("no such metric"); ok {
		t.Error("MetricByKey knows a key that is not in the table")
	}
	for _, key := range []string{"conditions", "solver", "gap", "hessian_h"} {
		if got[key] == nil {
			t.Errorf("no %q in %s", key, text)
		}
	}
	if got["compared"] != nil {
		t.Errorf("compared is %s without a comparison", got["compared"])
	}
}

// TestConditionsCollapsed: where the minimiser is zero, the condition numbers are null with a note.
func TestConditionsCollapsed(t *testing.T) {
	p := PaperParams()
	p.Delta = 0.99
	m, err := p.Minimiser()
	if err != nil {
		t.Fatal(err)
	}
	c := m.Conditions()
	for _, v := range []float64{c.H, c.W, c.HL2, c.WL2, c.Full, c.FullRaw} {
		if !math.IsNaN(v) {
			t.Errorf("condition numbers of a minimiser that is zero: %+v", c)
		}
	}
	var got map[string]any
	text, err := json.Marshal(c)
	if err != nil || json.Unmarshal(text, &got) != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if v, ok := got["kappa_full"]; !ok || v != nil || got["note"] != m.Notes["kappa_h"] || got["note"] == "" {
		t.Errorf("JSON %s, want null and %q", text, m.Notes["kappa_h"])
	}
}

// TestDynamics: descents for the usual δ and the one asked for reach the rate that the eigenvalues
// predict.
func TestDynamics(t *testing.T) {
	p := Params{K: 4, N: 10, D: 5, LambdaW: 1e-3, LambdaH: 1e-3, LambdaB: 1e-2, Delta: 0.3}
	d, err := p.Dynamics(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	var deltas []float64
	for _, path := range d.Paths {
		deltas = append(deltas, path.Delta)
		last := path.Rows[len(path.Rows)-1]
		if !(last.GradientNorm < path.Rows[0].GradientNorm/10) || last.NC1 > 1e-3 {
			t.Errorf("δ = %g ended at %+v", path.Delta, last)
		}
		if math.Abs(path.Path.Rate()-path.Predicted) > 0.01*(1-path.Predicted)+1e-3 {
			t.Errorf("δ = %g: rate %v, predicted %v", path.Delta, path.Path.Rate(), path.Predicted)
		}
	}
	if want := []float64{0, 0.05, 0.1, 0.3}; !slices.Equal(deltas, want) || d.N != 3 {
		t.Errorf("δ of the paths %v, n = %d, want %v and 3", deltas, d.N, want)
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	if _, err := p.Dynamics(stopped, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a stopped context: %v", err)
	}
}

// TestTooLarge: what cannot be solved step by step is an error and not an attempt.
func TestTooLarge(t *testing.T) {
	p := PaperParams()
	p.K, p.D = 100000, 100000
	if _, err := p.SolveSmall(t.Context(), 1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("SolveSmall: %v", err)
	}
	if _, err := p.Dynamics(context.Background(), 1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Dynamics: %v", err)
	}
	p.K = 1
	if _, err := p.SolveSmall(t.Context(), 1); err == nil || errors.Is(err, ErrTooLarge) {
		t.Errorf("SolveSmall with K = 1: %v", err)
	}
}

// TestTooLong: penalties so small that a descent would not end are refused, and the remedy in the
// error is one.
func TestTooLong(t *testing.T) {
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for _, p := range []Params{
		{K: 10, N: 5000, D: 512, LambdaW: 1e-3, LambdaH: 1e-20, LambdaB: 1e-2, Delta: 0.05},
		{K: 3, N: 1, D: 2, LambdaW: MinLambda, LambdaH: MinLambda, LambdaB: 1, Delta: 0.3},
		{K: 60, N: 100, D: 60, LambdaW: 1e-8, LambdaH: 1e-4, LambdaB: 1, Delta: 0.1},
	} {
		_, err := p.Dynamics(t.Context(), 1)
		if !errors.Is(err, ErrTooLong) {
			t.Fatalf("%+v: %v", p, err)
		}
		var factor float64
		_, after, _ := strings.Cut(err.Error(), "take ")
		if _, err := fmt.Sscanf(after, "%g times λ_W", &factor); err != nil {
			t.Fatalf("%+v: no remedy in %q", p, after)
		}
		p.LambdaW *= factor
		p.LambdaH *= factor
		// A descent that is taken looks at the context.
		if _, err := p.Dynamics(stopped, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("%+v, with the remedy: %v", p, err)
		}
	}
	// λ_b alone can be the reason.
	p := PaperParams()
	p.LambdaB = MinLambda
	_, err := p.Dynamics(t.Context(), 1)
	if !errors.Is(err, ErrTooLong) || !strings.Contains(err.Error(), "--lambda-b") {
		t.Errorf("λ_b = %v: %v", p.LambdaB, err)
	}
}

// TestSolveEnds: a solver that does not converge ends with its evaluations, and one that is
// cancelled with the context's error.
func TestSolveEnds(t *testing.T) {
	p := Params{K: 4, N: 3, D: 5, LambdaW: 1e-2, LambdaH: 1e-3, LambdaB: 1e-2, Delta: 0.1}.Problem()
	for _, evaluations := range []int{1, 5, 30} {
		s, err := p.Solve(t.Context(), SolveOptions{Seed: 1, Evaluations: evaluations})
		if err != nil || s.Converged || s.Iterations > evaluations {
			t.Errorf("%d evaluations: %+v, %v", evaluations, s, err)
		}
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := p.Solve(stopped, SolveOptions{Seed: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("a stopped context: %v", err)
	}
	_, err := p.Descend(stopped, p.Random(1), DescentOptions{Rate: 0.1, Steps: 5})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a stopped descent: %v", err)
	}
}
