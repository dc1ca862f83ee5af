package losses

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
)

// Names of the losses, as Loss.Name and specifications give them.
const (
	CE       = "ce"       // CrossEntropy
	LS       = "ls"       // LabelSmoothing, with Delta
	FocalCE  = "focal"    // Focal, with Gamma
	Square   = "mse"      // MSE
	Rescaled = "mse-resc" // RescaledMSE, with Weight and Target
)

// Names lists the losses.
func Names() []string { return []string{CE, LS, FocalCE, Square, Rescaled} }

// Loss is one of the losses with its parameters. A parameter of another loss must
// be 0.
type Loss struct {
	Name   string
	Delta  float64 // δ of ls, in (0, 1)
	Gamma  float64 // γ of focal, in (0, ∞)
	Weight float64 // k of mse-resc, in (0, ∞)
	Target float64 // M of mse-resc, in (0, ∞)
}

// Validate reports every fault at once, or nil.
func (l Loss) Validate() error {
	if !slices.Contains(Names(), l.Name) {
		return fmt.Errorf("losses: unknown loss %q; known are %s", l.Name, strings.Join(Names(), ", "))
	}
	var errs []error
	for _, p := range []struct {
		name, of  string
		v, below  float64
		rangeText string
	}{
		{"delta", LS, l.Delta, 1, "(0, 1)"},
		{"gamma", FocalCE, l.Gamma, math.Inf(1), "(0, ∞)"},
		{"weight (k)", Rescaled, l.Weight, math.Inf(1), "(0, ∞)"},
		{"target (M)", Rescaled, l.Target, math.Inf(1), "(0, ∞)"},
	} {
		switch {
		case l.Name == p.of && !(p.v > 0 && p.v < p.below):
			errs = append(errs, fmt.Errorf("losses: %s of loss %s is %v, want a value in %s", p.name, l.Name, p.v, p.rangeText))
		case l.Name != p.of && p.v != 0:
			errs = append(errs, fmt.Errorf("losses: loss %s takes no %s, found %v; that belongs to %s", l.Name, p.name, p.v, p.of))
		}
	}
	return errors.Join(errs...)
}

// Each returns the losses of B samples from logits B×K and labels B. It panics
// where Validate reports an error.
func (l Loss) Each(logits, labels *graph.Node) *graph.Node {
	if err := l.Validate(); err != nil {
		panic(err)
	}
	switch l.Name {
	case LS:
		return LabelSmoothing(logits, labels, l.Delta)
	case FocalCE:
		return Focal(logits, labels, l.Gamma)
	case Square:
		return MSE(logits, labels)
	case Rescaled:
		return RescaledMSE(logits, labels, l.Weight, l.Target)
	}
	return CrossEntropy(logits, labels)
}

// Floor returns the infimum of the loss over all logits of the given number of
// classes K ≥ 1: the entropy of y^δ for label smoothing, see SmoothingFloor, and 0
// for the others.
func (l Loss) Floor(classes int) (float64, error) {
	if err := l.Validate(); err != nil {
		return 0, err
	}
	return SmoothingFloor(classes, l.Delta)
}

// SmoothingFloor returns the entropy of the smoothed target (1−δ)e_y + δ/K in
// nats, which is the least value of LabelSmoothing: it has it where the softmax is
// that target. classes is K ≥ 1 and delta is δ in [0, 1); for δ = 0 it is 0. The error names
// the one outside.
func SmoothingFloor(classes int, delta float64) (float64, error) {
	if classes < 1 {
		return 0, fmt.Errorf("losses: %d classes, want at least 1", classes)
	}
	if !(delta >= 0 && delta < 1) {
		return 0, fmt.Errorf("losses: δ is %v, want a value in [0, 1)", delta)
	}
	if delta == 0 || classes == 1 {
		return 0, nil
	}
	k := float64(classes)
	others := delta * (k - 1) / k // together; the target keeps 1 − others
	return -(1-others)*math.Log1p(-others) - others*math.Log(delta/k), nil
}
