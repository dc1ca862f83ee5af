package calib

import "math"

// SmoothECE returns the smooth calibration error of Błasiok and Nakkiran 2023 and its bandwidth
// σ, the solution of smECE_σ = σ. It has no bins to choose and no jumps:
//
//	smECE_σ = ∫ |(1/N) Σ_i K_σ(t, f_i)(f_i − y_i)| dt over [0, 1],
//
// where K_σ is the Gaussian kernel reflected at 0 and 1, f_i the confidence, and y_i is 1 if the
// prediction is right, else 0. Arguments and errors are those of Reliability.
func SmoothECE(confidence []float64, correct []bool) (smece, sigma float64, err error) {
	signed, err := sign(confidence, correct, 1)
	if err != nil {
		return 0, 0, err
	}
	smece, sigma = smoothECE(signed)
	return smece, sigma, nil
}

// smoothGrid is the number of intervals on which residuals are placed.
const smoothGrid = 1000

func smoothECE(signed []float64) (smece, sigma float64) {
	residual := residuals(signed)
	// smECE_σ decreases as σ grows, so that the two cross once. The search takes secant steps
	// inside a bracket, and halves it where a step lies too near its edge.
	var at0 float64
	for _, r := range residual {
		at0 += math.Abs(r)
	}
	lo, hi := 0.0, max(at0, 1e-6)
	fLo, fHi := at0, smoothed(residual, hi)-hi // smECE − σ
	for hi-lo > 1e-6 && fHi < 0 {
		mid := lo + (hi-lo)*fLo/(fLo-fHi)
		if edge := 0.02 * (hi - lo); mid < lo+edge || mid > hi-edge {
			mid = (lo + hi) / 2
		}
		if f := smoothed(residual, mid) - mid; f > 0 {
			lo, fLo = mid, f
		} else {
			hi, fHi = mid, f
		}
		if math.Abs(fHi) < 1e-6 || fLo < 1e-6 {
			break
		}
	}
	if fLo < -fHi && lo > 0 {
		return fLo + lo, lo
	}
	return fHi + hi, hi
}

// residuals places (f_i − y_i)/N at f_i, split between the two nearest points of the grid.
func residuals(signed []float64) []float64 {
	residual := make([]float64, smoothGrid+1)
	for _, v := range signed {
		f := math.Abs(v)
		r := f
		if !math.Signbit(v) {
			r--
		}
		r /= float64(len(signed))
		at := f * smoothGrid
		i := min(int(at), smoothGrid-1)
		residual[i] += r * (1 - (at - float64(i)))
		residual[i+1] += r * (at - float64(i))
	}
	return residual
}

// smoothed returns smECE_σ of residuals on the grid.
func smoothed(residual []float64, sigma float64) float64 {
	n := len(residual) - 1
	h := 1 / float64(n)
	if sigma < 2*h {
		sigma = 2 * h // below it the grid has no kernel
	}
	reach := min(int(5.5*sigma/h)+1, 2*n)
	kernel := make([]float64, reach+1)
	for i := range kernel {
		x := float64(i) * h / sigma
		kernel[i] = math.Exp(-x*x/2) / (sigma * math.Sqrt(2*math.Pi))
	}
	// Both ends are mirrored, as far as the kernel reaches.
	mirror := make([]float64, n+1+2*reach)
	for i := range mirror {
		at := i - reach
		for at < 0 || at > n {
			if at < 0 {
				at = -at
			} else {
				at = 2*n - at
			}
		}
		mirror[i] = residual[at]
		if at == 0 || at == n {
			mirror[i] *= 2 // both sides of the mirror
		}
	}
	var sum float64
	for t := range n + 1 {
		window := mirror[t : t+2*reach+1]
		v := kernel[0] * window[reach]
		for j := 1; j <= reach; j++ {
			v += kernel[j] * (window[reach-j] + window[reach+j])
		}
		w := h
		if t == 0 || t == n {
			w = h / 2
		}
		sum += math.Abs(v) * w
	}
	return sum
}
