package ufm_test

import (
	"context"
	"fmt"
	"log"
	"testing"

	"github.com/gocollapse/collapse/ufm"
)

// The paper's simulated setting: label smoothing shrinks both norms (Theorem 4.1)
// and the condition number of the Hessian's blocks (Theorem 4.2). With the L2
// penalties, in all variables, the condition number rises instead.
func Example() {
	for _, delta := range []float64{0, 0.05, 0.1} {
		p := ufm.Params{K: 10, N: 5000, D: 512, LambdaW: 1e-3, LambdaH: 1e-6, LambdaB: 1e-2, Delta: delta}
		m, err := p.Minimiser()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("δ = %-4g  ‖w‖ = %.4f  ‖h‖ = %.4f  κ = %.2f  with L2 %.1f\n",
			delta, m.WNorm, m.HNorm, m.KappaH, m.Conditions().Full)
	}
	// Output:
	// δ = 0     ‖w‖ = 3.4987  ‖h‖ = 1.5647  κ = 9.80  with L2 11.9
	// δ = 0.05  ‖w‖ = 3.1278  ‖h‖ = 1.3988  κ = 9.35  with L2 29.4
	// δ = 0.1   ‖w‖ = 2.9371  ‖h‖ = 1.3135  κ = 8.90  with L2 41.7
}

// Every sample's feature is free; from a random start the solver finds the closed form.
func ExampleProblem_Solve() {
	p := ufm.Params{K: 4, N: 3, D: 6, LambdaW: 0.01, LambdaH: 0.001, LambdaB: 0.01, Delta: 0.1}
	m, err := p.Minimiser()
	if err != nil {
		log.Fatal(err)
	}
	problem := p.Problem()
	solution, err := problem.Solve(context.Background(), ufm.SolveOptions{Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	distance, err := m.Distance(problem, solution.X)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("objective %.6f, closed form %.6f\n", solution.Objective, m.Objective)
	fmt.Println("geometry within 1e-8:", distance.Max() < 1e-8)
	// Output:
	// objective 0.406286, closed form 0.406286
	// geometry within 1e-8: true
}

func BenchmarkMinimiser(b *testing.B) {
	p := ufm.Params{K: 1000, N: 1300, D: 2048, LambdaW: 1e-3, LambdaH: 1e-6, LambdaB: 1e-2, Delta: 0.05}
	for b.Loop() {
		if _, err := p.Minimiser(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFullHessian(b *testing.B) {
	p := ufm.Params{K: 1000, N: 1300, D: 2048, LambdaW: 1e-3, LambdaH: 1e-6, LambdaB: 1e-2, Delta: 0.05}
	m, err := p.Minimiser()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		m.FullHessian(ufm.FullOptions{L2: true, Bias: true})
	}
}
