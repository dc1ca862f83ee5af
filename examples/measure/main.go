// Command measure prints the metrics of neural collapse of a .npz file. It needs Go alone: no C
// compiler, no Python.
//
//	go run ./examples/measure examples/ce.npz
//
// The file holds features (N×d), labels (N) and, for the metrics that need the classifier, weight
// (K×d) and bias (K), as numpy.savez writes them. collapse measure shows more.
package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/nc/files"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: measure FILE.npz")
		os.Exit(2)
	}
	s, err := files.Measure(context.Background(), os.Args[1:], files.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%d samples of %d features in %d classes\n\n", s.N, s.D, s.K)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, key := range []string{"nc1", "nc2", "nc3", "nc4", "error", "w_norm", "h_norm"} {
		m, _ := nc.MetricByKey(key)
		v, _ := s.Value(key)
		fmt.Fprintf(w, "%s\t%.4g\t%s\n", m.Symbol, v, m.Meaning)
		if note := s.Note(key); note != "" {
			fmt.Fprintf(w, "\t\t(%s)\n", note)
		}
	}
	w.Flush()
}
