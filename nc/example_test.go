package nc_test

import (
	"fmt"
	"log"

	"github.com/gocollapse/collapse/nc"
)

// Two classes in the plane: the features lie a little apart from their class means (±1, 0), and
// the classifier points along them.
func ExampleMeasure() {
	features := []float64{0.9, 0, 1.1, 0, -1, 0.1, -1, -0.1} // N×d, row-major
	labels := []int32{0, 0, 1, 1}
	classifier := nc.Classifier{K: 2, D: 2, W: []float64{2, 0, -2, 0}} // K×d, row-major

	s, err := nc.Measure(nc.Slices(features, labels), classifier, nc.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("NC1 %.4f  NC2 %.4f  NC3 %.4f\n", s.NC1, s.NC2, s.NC3)
	fmt.Printf("‖w‖ %.1f  ‖h‖ %.1f  NCC error %.0f %%\n", s.WNorm, s.HNorm, 100*s.NCCError)
	fmt.Println("equiangle_w:", s.Note("equiangle_w"))
	// Output:
	// NC1 0.0025  NC2 0.0000  NC3 0.0000
	// ‖w‖ 2.0  ‖h‖ 1.0  NCC error 0 %
	// equiangle_w: K = 2: there is one pair of classes
}

// The passes alone, for samples that come in batches from elsewhere.
func ExampleSums() {
	batches := []nc.Batch{
		nc.BatchOf([]float32{0.9, 0, -1, 0.1}, []int32{0, 1}),
		nc.BatchOf([]float32{1.1, 0, -1, -0.1}, []int32{0, 1}),
	}
	sums, err := nc.NewSums(2, 2) // K, d
	if err != nil {
		log.Fatal(err)
	}
	for _, b := range batches { // first pass: the class means
		if err := sums.Add(b); err != nil {
			log.Fatal(err)
		}
	}
	scatter, err := sums.Centre(nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, b := range batches { // second pass: the same samples, around their means
		if err := scatter.Add(b); err != nil {
			log.Fatal(err)
		}
	}
	s, err := scatter.Summary()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("NC1 %.4f\n", s.NC1)
	fmt.Println("NC3:", s.Note("nc3"))
	// Output:
	// NC1 0.0025
	// NC3: no classifier was given
}
