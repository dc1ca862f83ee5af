package record

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Loss is a loss with its parameters, as a specification holds it. A parameter that belongs to
// another loss is 0. Package losses has the graph functions.
type Loss struct {
	Name       string  `json:"loss"`        // a name of Losses, or OwnLoss and a name of the user's
	Delta      float64 `json:"delta"`       // δ
	FocalGamma float64 `json:"focal_gamma"` // γ
	MSEWeight  float64 `json:"mse_weight"`  // k
	MSETarget  float64 `json:"mse_target"`  // M

	// Parameters are those of a loss of the user's own, by name; nil with every other loss.
	Parameters map[string]float64 `json:"loss_parameters,omitempty"`
}

// OwnLoss begins the name of a loss of the user's own: own:NAME is the function that a Go program
// registers as NAME in package losses. A program without that function reads and shows its records
// all the same.
const OwnLoss = "own:"

// LossKind is one row of the table of losses.
type LossKind struct {
	Name       string // in a specification
	Short      string // in a table or legend
	Title      string // in a sentence
	Equation   string // of one sample with label y, logits z and probabilities p = softmax(z)
	Lowest     string // the infimum over all logits, in words; Loss.Floor computes it
	Parameters []LossParameter

	floor func(l Loss, classes int) float64 // nil is 0
}

// LossParameter is a number that a loss takes.
type LossParameter struct {
	Key     string // in a specification
	Symbol  string
	Range   Interval
	Default float64 // 0: a specification must give it
	Meaning string
	Hint    string // about the values, for help and errors, or ""
}

// Losses is the table of losses. Their names are those of the functions in package losses.
var Losses = []LossKind{
	{Name: "ce", Short: "CE", Title: "cross entropy", Equation: "−log p_y", Lowest: "0"},
	{Name: "ls", Short: "LS", Title: "label smoothing",
		Equation: "−Σ_j y^δ_j log p_j with y^δ = (1−δ)e_y + δ/K (Eq 3)",
		Lowest:   "entropy of y^δ", floor: smoothingFloor,
		Parameters: []LossParameter{{Key: "delta", Symbol: "δ", Range: inside01, Default: 0.05,
			Meaning: "share of the label that is spread over all classes",
			Hint:    "the paper's is 0.05, loss ce is δ = 0"}}},
	{Name: "focal", Short: "focal", Title: "focal loss",
		Equation: "−(1−p_y)^γ log p_y (Lin et al. 2017)", Lowest: "0",
		Parameters: []LossParameter{{Key: "focal_gamma", Symbol: "γ", Range: positive,
			Meaning: "exponent of 1 − p_y", Hint: "3 in most work on calibration"}}},
	{Name: "mse", Short: "MSE", Title: "mean squared error",
		Equation: "(1/K)‖z − e_y‖², PyTorch's `mse_loss`", Lowest: "0"},
	{Name: "mse-resc", Short: "rescaled MSE", Title: "rescaled mean squared error",
		Equation: "(1/K)(k(z_y − M)² + Σ_{j≠y} z_j²) (Hui and Belkin 2021)", Lowest: "0",
		Parameters: []LossParameter{
			{Key: "mse_weight", Symbol: "k", Range: positive, Meaning: "weight of the label's term"},
			{Key: "mse_target", Symbol: "M", Range: positive, Meaning: "target of the label's logit"},
		}},
	{Name: "maxsup", Short: "MaxSup", Title: "max suppression",
		Equation: "−log p_y + δ(max_j z_j − (1/K) Σ_j z_j) (Zhou et al. 2025)",
		Lowest:   "entropy of y^δ", floor: smoothingFloor,
		Parameters: []LossParameter{{Key: "delta", Symbol: "δ", Range: inside01, Default: 0.05,
			Meaning: "weight of the penalty on the largest logit"}}},
}

// LossNames lists the names of Losses in their order.
func LossNames() []string {
	names := make([]string, len(Losses))
	for i, k := range Losses {
		names[i] = k.Name
	}
	return names
}

// Kind returns the row of the loss in Losses, and false for a loss of the user's own and for an
// unknown one.
func (l Loss) Kind() (LossKind, bool) {
	i := slices.IndexFunc(Losses, func(k LossKind) bool { return k.Name == l.Name })
	if i < 0 {
		return LossKind{}, false
	}
	return Losses[i], true
}

// own returns the user's name of a loss of their own, and false for any other loss.
func (l Loss) own() (string, bool) {
	name, ok := strings.CutPrefix(l.Name, OwnLoss)
	return name, ok && name != ""
}

// parameters returns the numbers that the table's losses take, by their JSON keys.
func (l *Loss) parameters() map[string]*float64 {
	return map[string]*float64{
		"delta": &l.Delta, "focal_gamma": &l.FocalGamma, "mse_weight": &l.MSEWeight, "mse_target": &l.MSETarget,
	}
}

// lossParameterKeys lists the JSON keys of the table's parameters in a specification's order.
func lossParameterKeys() []string {
	return []string{"delta", "focal_gamma", "mse_weight", "mse_target"}
}

// complete gives parameters that the user did not give their defaults.
func (l *Loss) complete(given func(key string) bool) {
	k, _ := l.Kind()
	for _, p := range k.Parameters {
		if v := l.parameters()[p.Key]; *v == 0 && !given(p.Key) {
			*v = p.Default
		}
	}
}

// Validate reports at once a name that is not known, every parameter outside its range and every
// parameter that belongs to another loss. It returns nil for a valid loss.
func (l Loss) Validate() error {
	var errs []error
	kind, known := l.Kind()
	_, own := l.own()
	if !known && !own {
		errs = append(errs, knownName("loss", l.Name, LossNames(), ", and "+OwnLoss+"NAME for a loss of your own"))
	}
	values := l.parameters()
	for _, key := range lossParameterKeys() {
		v := *values[key]
		i := slices.IndexFunc(kind.Parameters, func(p LossParameter) bool { return p.Key == key })
		switch {
		case i < 0 && v != 0:
			errs = append(errs, misplaced(key, v, "loss", l.Name, takers(key)))
		case i >= 0 && !kind.Parameters[i].Range.Has(v):
			errs = append(errs, outside(key, v, kind.Parameters[i].Range.String(), kind.Parameters[i].Hint))
		}
	}
	if len(l.Parameters) > 0 && !own {
		errs = append(errs, fmt.Errorf(
			"loss_parameters: given with loss %s; they belong to a loss of your own, %sNAME", l.Name, OwnLoss))
	}
	for _, name := range slices.Sorted(maps.Keys(l.Parameters)) {
		if v := l.Parameters[name]; math.IsNaN(v) || math.IsInf(v, 0) {
			errs = append(errs, outside("loss_parameters: "+name, v, "the finite numbers", ""))
		}
	}
	return errors.Join(errs...)
}

// takers lists the losses that take the parameter of a JSON key.
func takers(key string) (names []string) {
	for _, k := range Losses {
		if slices.ContainsFunc(k.Parameters, func(p LossParameter) bool { return p.Key == key }) {
			names = append(names, k.Name)
		}
	}
	return names
}

// Floor returns the infimum of the loss over all logits of K = classes ≥ 1 classes, in nats where
// the loss is a cross entropy: the entropy of the smoothed label for ls, and 0 for the others. It
// is an error if the loss is not valid, or is the user's own.
func (l Loss) Floor(classes int) (float64, error) {
	if err := l.Validate(); err != nil {
		return 0, err
	}
	kind, known := l.Kind()
	switch {
	case !known:
		return 0, fmt.Errorf("loss: the least value of %s is not known", l.Name)
	case classes < 1:
		return 0, fmt.Errorf("loss: %d classes, want at least 1", classes)
	case kind.floor == nil:
		return 0, nil
	}
	return kind.floor(l, classes), nil
}

// smoothingFloor returns the entropy of (1−δ)e_y + δ/K in nats. The cross entropy against that
// target is least where the softmax equals it.
func smoothingFloor(l Loss, classes int) float64 {
	if classes == 1 {
		return 0
	}
	k := float64(classes)
	others := l.Delta * (k - 1) / k // together; the label keeps 1 − others
	return -(1-others)*math.Log1p(-others) - others*math.Log(l.Delta/k)
}

// String names the loss with its parameters: CE, LS (δ = 0.05), rescaled MSE (k = 15, M = 30).
func (l Loss) String() string {
	if values := l.symbols(" = "); len(values) > 0 {
		return l.short() + " (" + strings.Join(values, ", ") + ")"
	}
	return l.short()
}

// Words names the loss in a sentence: cross entropy; label smoothing, δ = 0.05.
func (l Loss) Words() string {
	title := l.short()
	if kind, ok := l.Kind(); ok {
		title = kind.Title
	}
	return strings.Join(append([]string{title}, l.symbols(" = ")...), ", ")
}

// Slug is the loss as a part of a file's name: ce, ls0.05, mse-resc15-30.
func (l Loss) Slug() string {
	values := l.symbols("=")
	for i, v := range values {
		_, values[i], _ = strings.Cut(v, "=")
	}
	name := strings.TrimPrefix(l.Name, OwnLoss)
	if len(values) > 0 && name != "" && strings.ContainsAny(name[len(name)-1:], "0123456789") {
		name += "-" // so that the number of the name does not run into the value
	}
	return name + strings.Join(values, "-")
}

// short is the loss without its parameters.
func (l Loss) short() string {
	if kind, ok := l.Kind(); ok {
		return kind.Short
	}
	return strings.TrimPrefix(l.Name, OwnLoss)
}

// symbols lists the loss's parameters, each as its symbol, is and its value.
func (l Loss) symbols(is string) (list []string) {
	kind, _ := l.Kind()
	for _, p := range kind.Parameters {
		list = append(list, p.Symbol+is+number(*l.parameters()[p.Key]))
	}
	for _, p := range slices.Sorted(maps.Keys(l.Parameters)) {
		list = append(list, p+is+number(l.Parameters[p]))
	}
	return list
}

// number writes v with as many digits as it takes to read it back.
func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
