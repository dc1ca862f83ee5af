// Package linear reads the last layer of a network, weight and bias, from files that users make, and
// says what its faults usually mean.
package linear

import (
	"fmt"
	"math"

	"github.com/gocollapse/collapse/nc"
	"github.com/gocollapse/collapse/npz"
)

// Read reads the arrays weight (K×d) and, if there is one, bias (K).
func Read(f *npz.File) (*nc.Classifier, error) {
	w, err := f.Array("weight")
	if err != nil {
		return nil, err
	}
	switch n := len(w.Shape); {
	case n == 1:
		return nil, fmt.Errorf("weight has shape %v, want K×d as PyTorch's Linear.weight; of a regression with one "+
			"target save weight.reshape(1, -1), of a binary classifier with one output numpy.stack([-weight, weight]) "+
			"/ 2, and of its bias the same", w.Shape)
	case n != 2:
		return nil, fmt.Errorf("weight has shape %v, want K×d as PyTorch's Linear.weight; of a 1×1 convolution save "+
			"weight.reshape(len(weight), -1)", w.Shape)
	}
	c := &nc.Classifier{K: w.Shape[0], D: w.Shape[1]}
	if c.W, err = w.Float64s(); err == nil {
		err = checkFinite("weight", c.W, c.D)
	}
	if err != nil {
		return nil, err
	}
	if !f.Has("bias") {
		return c, nil
	}
	b, err := f.Array("bias")
	if err != nil {
		return nil, err
	}
	if err := fitBias(b.Shape, c); err != nil {
		return nil, err
	}
	if c.B, err = b.Float64s(); err == nil {
		err = checkFinite("bias", c.B, 1)
	}
	return c, err
}

// checkFinite reports the first number of an array of n columns that is not finite.
func checkFinite(name string, v []float64, n int) error {
	for i, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("%s of class %d, dimension %d is %v, want a finite number; has the training diverged?",
				name, i/n, i%n, x)
		}
	}
	return nil
}

// fitBias reports a bias that is not one number for each row of the weight.
func fitBias(shape []int, c *nc.Classifier) error {
	if len(shape) == 1 && shape[0] == c.K {
		return nil
	}
	numbers := 1
	for _, n := range shape {
		numbers *= n
	}
	remedy := "save the bias of the layer that weight is of"
	switch {
	case numbers == c.K:
		remedy = "save bias.ravel()"
	case numbers == c.D:
		remedy = fmt.Sprintf("weight is %d×%d and seems to be d×K: save weight.T, which is K×d as PyTorch's "+
			"Linear.weight", c.K, c.D)
	}
	return fmt.Errorf("bias has shape %v, want K = %d numbers, one for each row of weight; %s", shape, c.K, remedy)
}

// Fit reports a weight that does not take features of d dimensions.
func Fit(c *nc.Classifier, d int) error {
	if c.D == d {
		return nil
	}
	remedy := "save as features what goes into the layer that weight is of"
	switch {
	case c.K == d:
		remedy = "it seems to be d×K: save weight.T"
	case c.D == d+1:
		remedy = "one column may be the bias: if it is the last, save weight[:, :-1], and weight[:, -1] as bias"
	}
	return fmt.Errorf("weight is %d×%d, the features have d = %d; want K×d as PyTorch's Linear.weight; %s", c.K, c.D, d,
		remedy)
}
