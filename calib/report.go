package calib

import (
	"maps"
	"math"

	"github.com/gocollapse/collapse/internal/object"
)

// Report is the result of Measure.
type Report struct {
	*Summary                  // of all samples, unscaled
	Temperature *Temperature  // fitted on one half of the samples, with FitAll on all
	Scaled      *Summary      // with T, of the samples on which T was not fitted; with FitAll of all
	Unscaled    *Summary      // the same samples without T
	FitAll      bool          // T was fitted on the samples on which it is measured
	Seed        int64         // of the split and of the replicates
	Grid        *GridResult   // nil unless asked for
	Vector      *VectorResult // nil unless asked for
	Intervals   *Intervals    // nil unless asked for
	Consistency *Consistency  // nil unless asked for
	Selective   []Selective   // one for each score; nil with Fast
}

// GridResult is the temperature of the paper's public code, fitted and measured on the same
// samples as Report.Temperature.
type GridResult struct {
	T      float64
	Scaled *Summary
}

// VectorResult is vector scaling, fitted and measured on the same samples as
// Report.Temperature.
type VectorResult struct {
	*Vector
	Scaled *Summary
}

// MarshalJSON writes the object of collapse calibrate --json: the metrics of all samples, the
// temperature, and under scaled and unscaled_same the metrics of the samples on which T was not
// fitted (of all samples with FitAll).
func (r *Report) MarshalJSON() ([]byte, error) {
	var o object.Object
	r.Summary.fields(&o)
	o.Field("temperature", object.Number(r.Temperature.T))
	fit := "split"
	if r.FitAll {
		fit = "all"
	}
	o.Field("fit", map[string]any{
		"samples": r.Temperature.Samples, "nll": object.Number(r.Temperature.NLL), "on": fit, "seed": r.Seed,
	})
	o.Field("scaled", r.Scaled)
	o.Field("unscaled_same", r.Unscaled)
	if g := r.Grid; g != nil {
		o.Field("authors_grid", map[string]any{"temperature": object.Number(g.T), "scaled": g.Scaled})
	}
	if v := r.Vector; v != nil {
		o.Field("vector", map[string]any{
			"weight": object.Numbers(v.Weight), "bias": object.Numbers(v.Bias), "scaled": v.Scaled,
		})
	}
	o.Field("selective", selectives(r.Selective))
	if i := r.Intervals; i != nil {
		pair := func(v [2]float64) []object.Number { return object.Numbers(v[:]) }
		o.Field("ci", map[string]any{
			"ece": pair(i.ECE), "accuracy": pair(i.Accuracy), "temperature": pair(i.Temperature),
		})
		var method any
		if !math.IsNaN(i.Temperature[0]) {
			method = "score test"
		}
		o.Field("bootstrap", map[string]any{
			"replicates": i.Replicates, "level": i.Level, "seed": r.Seed, "ece_bias": object.Number(i.ECEBias),
			"temperature": method,
		})
	}
	if c := r.Consistency; c != nil {
		o.Field("consistency", map[string]any{
			"replicates": c.Replicates, "p": c.P, "expected_ece": object.Number(c.Expected),
		})
	}
	notes := map[string]string{}
	maps.Copy(notes, r.Notes)
	maps.Copy(notes, r.notes())
	o.Field("notes", notes)
	return o.JSON()
}

// notes are the reservations of a report.
func (r *Report) notes() map[string]string {
	notes := map[string]string{"temperature": "T divides the logits; T > 1 means that the model was over-confident"}
	if b := r.Temperature.Note; b != "" {
		notes["temperature"] = b + "; T divides the logits"
	}
	if math.IsNaN(r.Temperature.T) {
		notes["temperature"], notes["scaled"] = r.Temperature.Note, noT
	} else if r.FitAll {
		notes["scaled"] = "T was fitted on the samples on which it is measured, which is optimistic"
	}
	if r.Vector != nil && r.Vector.Note != "" {
		notes["vector"] = r.Vector.Note
	}
	if i := r.Intervals; i != nil && i.TemperatureNote != "" {
		notes["ci.temperature"] = i.TemperatureNote
	}
	return notes
}

// Reservations says in order what limits the numbers: what was seen in the input, what is not
// defined and why, and bounds of T and of its interval. Each is a sentence without its full stop.
func (r *Report) Reservations() []string {
	var out []string
	add := func(name, note string) {
		if note != "" {
			out = append(out, name+note)
		}
	}
	add("", r.Notes["logits"])
	add("", r.Notes["probabilities"])
	add("NLL is not defined: ", r.Summary.Notes["nll"])
	switch note := r.Temperature.Note; {
	case math.IsNaN(r.Temperature.T) && note == r.Summary.Notes["nll"]:
		add("", "T and what follows from it are not defined for the same reason")
	case math.IsNaN(r.Temperature.T):
		add("T is not defined: ", note)
	default:
		add("", note)
	}
	if r.Vector != nil && r.Vector.Note != r.Temperature.Note {
		add("vector scaling: ", r.Vector.Note)
	}
	if i := r.Intervals; i != nil && !math.IsNaN(i.Temperature[0]) {
		add("interval of T: ", i.TemperatureNote)
	}
	return out
}
