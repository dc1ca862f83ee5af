package nc_test

import (
	"fmt"
	"log"

	"github.com/gocollapse/collapse/nc"
)

// Two classes in the plane: the features lie a little apart from their class
// means (±1, 0), the classifier points along them.
func Example() {
	features := []float64{0.9, 0, 1.1, 0, -1, 0.1, -1, -0.1} // N×d, row-major
	labels := []int32{0, 0, 1, 1}

	acc, err := nc.NewAccumulator(2, 2) // K, d
	if err != nil {
		log.Fatal(err)
	}
	// First pass: the class means. Any number of batches.
	if err := acc.Add64(features, labels); err != nil {
		log.Fatal(err)
	}
	if err := acc.BeginSecond(); err != nil {
		log.Fatal(err)
	}
	// Second pass: the same samples, around their means.
	if err := acc.AddSecond64(features, labels); err != nil {
		log.Fatal(err)
	}
	sum, err := acc.Summary(&nc.Classifier{K: 2, D: 2, W: []float64{2, 0, -2, 0}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("NC1 %.4f  NC2 %.4f  NC3 %.4f\n", sum.NC1, sum.NC2, sum.NC3)
	fmt.Printf("‖w‖ %.1f  ‖h‖ %.1f  NCC error %.0f %%\n", sum.WNorm, sum.HNorm, 100*sum.NCCError)
	fmt.Println("NC4:", sum.Note("nc4"))
	// Output:
	// NC1 0.0025  NC2 0.0000  NC3 0.0000
	// ‖w‖ 2.0  ‖h‖ 1.0  NCC error 0 %
	// NC4: no classifier was given to the second pass
}
