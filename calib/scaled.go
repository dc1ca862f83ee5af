package calib

import (
	"fmt"
	"math"
)

// scaled is a Source whose logits are divided by a temperature.
type scaled struct {
	Source
	beta float64 // 1/T
}

// AtTemperature returns src with its logits divided by t, which temperature scaling does (Guo et al.
// 2017). The predictions stay; their confidence decreases with t. It is an error if t is not above 0
// or not finite.
func AtTemperature(src Source, t float64) (Source, error) {
	if !(t > 0) || math.IsInf(1/t, 0) || math.IsInf(t, 0) {
		return nil, fmt.Errorf("calib: temperature %v, want a finite number above 0", t)
	}
	return scaled{src, 1 / t}, nil
}

// Each calls f with copies.
func (s scaled) Each(f func(logits []float64, labels []int32) error) error {
	var own []float64
	return s.Source.Each(func(logits []float64, labels []int32) error {
		own = own[:0]
		for _, z := range logits {
			own = append(own, z*s.beta)
		}
		return f(own, labels)
	})
}
