// Package files compares trained networks in .npz files with the closed form of package ufm. A
// file is as collapse measure reads it:
//
//	features N×d, labels N   balanced: the same number of samples in every class
//	weight K×d, bias K       the classifier, as PyTorch stores it; bias is optional
package files

import (
	"fmt"

	"github.com/gocollapse/collapse/internal/labels"
	"github.com/gocollapse/collapse/internal/linear"
	"github.com/gocollapse/collapse/npz"
	"github.com/gocollapse/collapse/ufm"
)

// Compare compares the network of a file with the minimiser for the penalties and δ of p. K, n and
// d are those of the file. It is an error if an array is missing or has another shape, or if the
// classes are not balanced. The file is read into memory.
func Compare(path string, p ufm.Params) (*ufm.Comparison, error) {
	f, err := npz.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := compare(f, p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func compare(f *npz.File, p ufm.Params) (*ufm.Comparison, error) {
	classifier, err := linear.Read(f)
	if err != nil {
		return nil, err
	}
	x, features, err := floats(f, "features", 2)
	if err != nil {
		return nil, err
	}
	if err := linear.Fit(classifier, x.Shape[1]); err != nil {
		return nil, err
	}
	a, err := f.Array("labels")
	if err != nil {
		return nil, err
	}
	if err := labels.CheckShape("labels", a, x.Shape[0], "features"); err != nil {
		return nil, err
	}
	y, err := a.Int32s()
	if err != nil {
		return nil, err
	}
	count := labels.NewCount()
	count.Add(y)
	if err := count.OutOfRange("labels", classifier.K, "the rows of weight"); err != nil {
		return nil, err
	}
	if err := count.Unbalanced("labels", classifier.K); err != nil {
		return nil, fmt.Errorf("the closed form is of balanced classes; %w", err)
	}
	p.K, p.D, p.N = classifier.K, classifier.D, len(y)/max(classifier.K, 1)
	return ufm.Compare(classifier, features, y, p)
}

// floats reads an array of floating-point numbers with the given number of dimensions.
func floats(f *npz.File, name string, dims int) (*npz.Array, []float64, error) {
	a, err := f.Array(name)
	if err != nil {
		return nil, nil, err
	}
	if len(a.Shape) != dims {
		return nil, nil, fmt.Errorf("%s has %d dimensions, want %d", name, len(a.Shape), dims)
	}
	v, err := a.Float64s()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return a, v, nil
}
