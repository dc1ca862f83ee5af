package ufm

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A Kind names a loss.
type Kind string

// The losses of a logit vector z with target class y; p = softmax(z).
const (
	// CE is cross entropy, −log p_y.
	CE Kind = "ce"
	// LS is cross entropy on the label smoothed by δ (Eq 3, 7): the target is
	// (1−δ)·e_y + (δ/K)·1.
	LS Kind = "ls"
	// Focal is −(1−p_y)^γ log p_y (Lin et al. 2017). It is not convex in z.
	Focal Kind = "focal"
	// MSE is ½‖z − e_y‖².
	MSE Kind = "mse"
)

// A Loss is a function of logits and the target class.
type Loss struct {
	Kind  Kind
	Delta float64 // δ of LS, in [0, 1); 0 elsewhere
	Gamma float64 // γ of Focal, 0 or at least 1; 0 elsewhere
}

var kinds = []Kind{CE, LS, Focal, MSE}

// check reports a loss that is not defined.
func (l Loss) check() error {
	switch {
	case !slices.Contains(kinds, l.Kind):
		var names []string
		for _, k := range kinds {
			names = append(names, string(k))
		}
		return fmt.Errorf("ufm: unknown loss %q; known are %s", l.Kind, strings.Join(names, ", "))
	case !(l.Delta >= 0 && l.Delta < 1):
		return fmt.Errorf("ufm: δ = %v is outside [0, 1)", l.Delta)
	case l.Delta != 0 && l.Kind != LS:
		return fmt.Errorf("ufm: δ = %v with loss %s; only %s has label smoothing", l.Delta, l.Kind, LS)
	case !(l.Gamma == 0 || l.Gamma >= 1 && l.Gamma <= 100):
		return fmt.Errorf("ufm: γ = %v is neither 0 nor in [1, 100]", l.Gamma)
	case l.Gamma != 0 && l.Kind != Focal:
		return fmt.Errorf("ufm: γ = %v with loss %s; only %s has a γ", l.Gamma, l.Kind, Focal)
	}
	return nil
}

// softmax overwrites z with its probabilities. It returns the logarithm of the target's probability
// and 1 minus that probability, both without cancellation.
func softmax(z []float64, y int) (logP, rest float64) {
	top := slices.Max(z)
	target := z[y] - top
	var sum, others float64
	for j, v := range z {
		z[j] = math.Exp(v - top)
		sum += z[j]
		if j != y {
			others += z[j]
		}
	}
	for j := range z {
		z[j] /= sum
	}
	rest = others / sum
	if rest < 0.5 {
		return math.Log1p(-rest), rest
	}
	return target - math.Log(sum), rest
}

// value returns ℓ and overwrites z with its gradient. scratch has the length of z.
func (l Loss) value(z []float64, y int, scratch []float64) float64 {
	if l.Kind == MSE {
		var sum float64
		z[y]--
		for _, v := range z {
			sum += v * v
		}
		return sum / 2
	}
	copy(scratch, z)
	logP, rest := softmax(z, y)
	if l.Kind == Focal {
		gain, _ := l.focal(logP, rest)
		for j := range z {
			z[j] *= -gain
		}
		z[y] = gain * rest
		return -math.Pow(rest, l.Gamma) * logP
	}
	// −Σ y^δ_j log p_j = −log p_y − (δ/K) Σ_j (z_j − z_y).
	loss := -logP
	if l.Delta > 0 {
		each := l.Delta / float64(len(z))
		var shift float64
		for _, v := range scratch {
			shift += v - scratch[y]
		}
		loss -= each * shift
		for j := range z {
			z[j] -= each
		}
		z[y] = -rest + l.Delta - each
		return loss
	}
	z[y] = -rest
	return loss
}

// focal returns g = q f′(q) and g′ of the focal loss f(q) = −(1−q)^γ log q.
func (l Loss) focal(logQ, rest float64) (g, slope float64) {
	if l.Gamma == 0 {
		return -1, 0
	}
	q := 1 - rest
	ratio := -1.0 // log q/(1−q)
	if rest > 0 {
		ratio = logQ / rest
	}
	power := math.Pow(rest, l.Gamma-1)
	g = l.Gamma*q*power*logQ - power*rest
	slope = l.Gamma * (power*logQ - (l.Gamma-1)*q*power*ratio + 2*power)
	return g, slope
}

// curve overwrites v with ∇²ℓ(z)·v; z is overwritten too.
func (l Loss) curve(z []float64, y int, v []float64) {
	if l.Kind == MSE {
		return
	}
	logP, rest := softmax(z, y)
	var mean float64
	for j, p := range z {
		mean += p * v[j]
	}
	gain, slope := -1.0, 0.0
	if l.Kind == Focal {
		gain, slope = l.focal(logP, rest)
		slope *= z[y] * (v[y] - mean)
	}
	for j, p := range z {
		v[j] = -gain*p*(v[j]-mean) - slope*p
	}
	v[y] += slope
}
