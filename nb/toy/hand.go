package toy

import (
	"gonum.org/v1/gonum/mat"
)

// Means returns the class means minus the mean of all samples, K×D: row k is h̄_k − h_G.
func (f *Features) Means() *mat.Dense {
	means, n := mat.NewDense(f.K, f.D, nil), make([]float64, f.K)
	for i, l := range f.Labels {
		n[l]++
		for j := range f.D {
			means.Set(int(l), j, means.At(int(l), j)+f.X[i*f.D+j])
		}
	}
	global := f.global()
	for k := range f.K {
		for j := range f.D {
			means.Set(k, j, means.At(k, j)/n[k]-global[j])
		}
	}
	return means
}

// Around returns the samples minus their class means, N×D: row i is h_i − h̄_k for its class k.
func (f *Features) Around() *mat.Dense {
	around := mat.NewDense(len(f.Labels), f.D, nil)
	means := f.Means()
	global := f.global()
	for i, l := range f.Labels {
		for j := range f.D {
			around.Set(i, j, f.X[i*f.D+j]-means.At(int(l), j)-global[j])
		}
	}
	return around
}

func (f *Features) global() []float64 {
	global := make([]float64, f.D)
	for i := range f.Labels {
		for j := range f.D {
			global[j] += f.X[i*f.D+j] / float64(len(f.Labels))
		}
	}
	return global
}

// Weights returns the classifier, K×D: row k is w_k.
func (f *Features) Weights() *mat.Dense { return mat.NewDense(f.K, f.D, f.W) }

// Unit returns a matrix divided by its Frobenius norm.
func Unit(m mat.Matrix) *mat.Dense {
	var u mat.Dense
	u.Scale(1/mat.Norm(m, 2), m)
	return &u
}

// Distance is the Frobenius norm of a − b.
func Distance(a, b mat.Matrix) float64 {
	var d mat.Dense
	d.Sub(a, b)
	return mat.Norm(&d, 2)
}

// J returns I − 11ᵀ/K, the Gram matrix of a simplex ETF up to scale.
func J(k int) *mat.Dense {
	j := mat.NewDense(k, k, nil)
	for a := range k {
		for b := range k {
			j.Set(a, b, -1/float64(k))
		}
		j.Set(a, a, 1-1/float64(k))
	}
	return j
}

// OnePass is tr Σ_W / tr Σ_B as it comes out in float32 and in one pass over the samples, each trace
// as a mean of squares minus a square of means. It shows what a large common shift of the features
// does to such a difference; TwoPass is the same number computed around the means, in float64.
func (f *Features) OnePass() float64 {
	var squares, means float32
	sums, n := make([]float32, f.K*f.D), make([]float32, f.K)
	for i, l := range f.Labels {
		n[l]++
		for j := range f.D {
			x := float32(f.X[i*f.D+j])
			sums[int(l)*f.D+j] += x
			squares += x * x
		}
	}
	global := make([]float32, f.D)
	for k := range f.K {
		for j := range f.D {
			m := sums[k*f.D+j] / n[k]
			means += n[k] * m * m
			global[j] += m / float32(f.K)
		}
	}
	total := float32(len(f.Labels))
	between := means / total
	for _, g := range global {
		between -= g * g
	}
	return float64((squares - means) / total / between)
}

// TwoPass is tr Σ_W / tr Σ_B in float64 and around the means.
func (f *Features) TwoPass() float64 {
	within, between := mat.Norm(f.Around(), 2), mat.Norm(f.Means(), 2)
	return within * within / float64(len(f.Labels)) / (between * between / float64(f.K))
}
