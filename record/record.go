// Package record holds what a training run was asked to do (Spec) and what it
// measured (Record), as JSON files that every later version of Collapse reads.
//
// The package depends on the standard library only, so that a program which
// reads records needs neither XLA nor Jupyter. docs/records.md describes the
// format field by field.
package record

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Format is the value of the "format" field of every record.
const Format = "collapse-record"

// Version is the version of the record format that this package writes.
const Version = 1

// Number is a float64 whose NaN and infinities are written to JSON as null.
// A null is read as NaN. A metric that is not defined for a run is null, with
// the reason under Epoch.Notes.
type Number float64

// MarshalJSON writes null for NaN and infinities, since JSON has no word for them.
func (n Number) MarshalJSON() ([]byte, error) {
	f := float64(n)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(f)
}

// UnmarshalJSON reads a JSON number, or null as NaN.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	var f float64
	if err := json.Unmarshal(b, &f); err != nil {
		return fmt.Errorf("record: want a number or null, found %s", b)
	}
	*n = Number(f)
	return nil
}

// Status says how far a run got.
type Status string

const (
	Running  Status = "running"  // the run is going on, or was killed
	Stopped  Status = "stopped"  // stopped by the user; the checkpoint continues it
	Finished Status = "finished" // all epochs were trained and measured
	Failed   Status = "failed"   // a loss, feature or parameter became infinite or NaN
)

// Record is one run: what was asked, on what it ran, and what was measured.
type Record struct {
	Format      string      `json:"format"`
	Version     int         `json:"version"`
	Spec        Spec        `json:"spec"`
	Scale       Scale       `json:"scale"`
	Status      Status      `json:"status"`
	Environment Environment `json:"environment"`
	Data        Data        `json:"data"`
	Model       Model       `json:"model"`
	Initial     *File       `json:"initial,omitempty"` // weights that training began from in place of the seed's
	Started     time.Time   `json:"started"`
	Seconds     float64     `json:"seconds"` // wall time of training and measuring, all sessions together
	// StepLosses holds Epoch.StepLoss of every epoch from the first, measured or not; null where it is not known.
	StepLosses []Number    `json:"step_losses,omitempty"`
	Epochs     []Epoch     `json:"epochs"`
	Final      *Final      `json:"final,omitempty"` // of a finished run
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"`
	// TestLogits is a finished run's file of the test split's logits and labels, relative to the record's folder.
	TestLogits *File  `json:"test_logits,omitempty"`
	Failure    string `json:"failure,omitempty"` // of a failed run: what became infinite or NaN, and where
}

// Environment says which software and machine produced the numbers.
type Environment struct {
	Collapse      string `json:"collapse"`                 // version of this module
	Go            string `json:"go"`                       // go1.26.8
	GoMLX         string `json:"gomlx"`                    // v0.28.2
	GoXLA         string `json:"go_xla"`                   // v0.4.1
	OS            string `json:"os"`                       // linux
	Arch          string `json:"arch"`                     // amd64
	CPU           string `json:"cpu"`                      // model name
	Cores         int    `json:"cores"`                    // usable by the process
	Backend       string `json:"backend"`                  // xla:cpu, xla:cuda, go
	BackendReason string `json:"backend_reason"`           // why this backend was taken
	Device        string `json:"device"`                   // as the backend names it
	Plugin        string `json:"plugin,omitempty"`         // file name, without the folder
	PluginVersion string `json:"plugin_version,omitempty"` // as the plugin reports it
	Deterministic bool   `json:"deterministic,omitempty"`  // the backend was told to give the same bits at each call
	TF32          bool   `json:"tf32,omitempty"`           // products of float32 were taken in TF32
	// StepsPerCall is how many steps the device took at one call, where more than one.
	StepsPerCall int `json:"together,omitempty"`
}

// Data says which images the run saw.
type Data struct {
	Name        string    `json:"name"`            // cifar10, fashion-mnist-small
	Source      string    `json:"source"`          // embedded, archive, folder
	Bytes       string    `json:"bytes"`           // "official" or "not the official bytes"
	Files       []File    `json:"files"`           // each with its hash
	Classes     []string  `json:"classes"`         // names, in the order of the labels
	Train       int       `json:"train"`           // images used for training
	Test        int       `json:"test"`            // images used for testing
	Height      int       `json:"height"`          // pixels, as the network sees them
	Width       int       `json:"width"`           // pixels, as the network sees them
	Channels    int       `json:"channels"`        // as the network sees them
	Mean        []float64 `json:"mean"`            // subtracted, per channel, of pixels in [0, 1]
	Std         []float64 `json:"std"`             // divided by, per channel
	Preparation string    `json:"preparation"`     // what was done to the images, in words
	Notes       []string  `json:"notes,omitempty"` // what a user should know of the images
	Licence     string    `json:"licence,omitempty"`
	Citation    string    `json:"citation,omitempty"`
}

// Official and Unofficial are the two values of Data.Bytes.
const (
	Official   = "official"
	Unofficial = "not the official bytes"
)

// File is one data file with its SHA-256 in hexadecimal.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Model says what was trained.
type Model struct {
	Parameters int `json:"parameters"` // trainable numbers
	Features   int `json:"features"`   // d, the dimension of the last-layer features
	Classes    int `json:"classes"`    // K
}

// Checkpoint names the file that continues the run.
type Checkpoint struct {
	File   string `json:"file"`   // relative to the record's folder
	SHA256 string `json:"sha256"` // of the file
	Epoch  int    `json:"epoch"`  // complete epochs
	Step   int    `json:"step"`   // complete steps of the epoch after them
}
