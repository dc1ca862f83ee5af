// Package backend is the one door to a GoMLX backend. It chooses the backend and says why, so
// that the command, notebooks, tests and benchmarks all compute on the same one:
//
//	b, choice, err := backend.Open(backend.For(spec))
//
// The order is: what the user asks for in GOMLX_BACKEND; else XLA on CUDA, where an NVIDIA
// driver and a CUDA plugin are found; else the XLA CPU plugin; else pure Go, with a warning that
// it is far slower (docs/speed.md has the number). [Choose] only looks at files. [CheckPlugin]
// reads a plugin before it is loaded: loading a file that is not a plugin ends the process
// without an error that Go could report.
package backend

import (
	"maps"
	"strings"

	"github.com/gomlx/compute"

	// The pure Go backend, which every build has.
	_ "github.com/gomlx/compute/gobackend"

	"github.com/gocollapse/collapse/record"
)

// Names of the backends, as Choice.Name and records give them.
const (
	Go   = "go"
	CPU  = "xla:cpu"
	CUDA = "xla:cuda"
)

// Options say which backend to open and how it computes. The zero value takes the backend that
// the package's comment names, in float32.
//
// Only CUDA has TF32 and Deterministic. Other backends stay as they are, and Choice.Notes says
// so. Both are settings of the process: they must be made before its first backend opens.
type Options struct {
	// Name is what GOMLX_BACKEND may hold: "go", "xla", "xla:cpu", "xla:cuda" or
	// "xla:/path/plugin.so". "" takes that variable, and without it the first backend found.
	Name string
	// TF32 lets NVIDIA GPUs from Ampere on take products and convolutions of float32 numbers
	// with 10 bits of mantissa in place of 23.
	TF32 bool
	// Deterministic makes every call give the same bits, at some cost of speed. CUDA's fastest
	// operations add in whatever order their threads end.
	Deterministic bool
}

// For returns the options that a specification asks for: TF32 for precision tf32.
func For(spec record.Spec) Options { return Options{TF32: spec.Precision == "tf32"} }

// Choice is a backend that is chosen but not open yet.
type Choice struct {
	// Config goes to compute.NewWithConfig: "xla:/path/plugin.so,shared_buffers",
	// "go:parallelism=-1".
	Config string `json:"config"`
	// Name is "xla:cpu", "xla:cuda" or "go"; of another XLA plugin "xla:" and
	// its file name.
	Name string `json:"name"`
	// Plugin is the absolute path of the plugin file, "" for go.
	Plugin string `json:"plugin,omitempty"`
	// Reason is one sentence for the user: why this backend.
	Reason string `json:"reason"`
	// Warning is "", or what the user loses by this choice and how to avoid it.
	Warning string `json:"warning,omitempty"`
	// Notes say what the options mean on this backend, one sentence for each that is set.
	Notes []string `json:"notes,omitempty"`
	// Env holds the environment variables that Open sets before it loads the
	// plugin. A variable that the user has set is not among them.
	Env map[string]string `json:"env,omitempty"`
	// Libraries are the paths of NVIDIA's libraries that Open loads before the plugin.
	Libraries []string `json:"libraries,omitempty"`
	// Deterministic says that the backend gives the same bits at each call, see Options.
	Deterministic bool `json:"deterministic,omitempty"`
	// TF32 says that products of float32 numbers may be taken in TF32, see Options.
	TF32 bool `json:"tf32,omitempty"`
}

// Open chooses a backend and opens it. The caller finalises it, or lets the
// process end. go-xla is kept from downloading a plugin by itself; `make setup`
// installs the one that this project has checksums for.
func Open(o Options) (compute.Backend, Choice, error) {
	c, err := Choose(o)
	if err != nil {
		return nil, c, err
	}
	b, err := c.Open()
	return b, c, err
}

// Choose is Open without the opening: it looks at environment variables and files and loads
// nothing.
//
// It is an error if Name or GOMLX_BACKEND names a backend that this program does not
// have or a plugin that is missing, and if the plugin that would be taken is
// not one for this machine: falling back in silence would train many times
// slower. The error names the file and how to repair it.
func Choose(o Options) (Choice, error) { return here().choose(o) }

// Settings by which CUDA is told how to compute: go-xla's option and NVIDIA's variable that turn
// TF32 off, and XLA's flag for the same bits at each call.
const (
	noTF32            = "tf32=false"
	tf32Override      = "NVIDIA_TF32_OVERRIDE"
	deterministicFlag = "--xla_gpu_deterministic_ops=true"
)

// withTF32 returns the choice with TF32 on. Every choice begins with TF32 off: for XLA's
// products by an option, for NVIDIA's convolutions, which would otherwise use it, by a variable.
// A value that the user has set is kept.
func (c Choice) withTF32() Choice {
	if c.Name != CUDA {
		return c.note("precision tf32 is float32 on " + c.Name + ", which has no TF32")
	}
	c.Config = strings.Replace(c.Config, ","+noTF32, "", 1)
	c.Env = maps.Clone(c.Env)
	delete(c.Env, tf32Override)
	c.TF32 = true
	return c.note("precision tf32: products and convolutions of float32 numbers with 10 bits of mantissa")
}

// withDeterminism returns the choice with XLA's flag added to those that the user has set.
func (c Choice) withDeterminism(getenv func(string) string) Choice {
	if c.Name != CUDA {
		return c.note("deterministic changes nothing on " + c.Name + ", which has no such flag;" +
			" the tests of this project find its runs the same to the bit")
	}
	flags := c.Env["XLA_FLAGS"]
	if flags == "" {
		flags = getenv("XLA_FLAGS")
	}
	if c.Env = maps.Clone(c.Env); c.Env == nil {
		c.Env = map[string]string{}
	}
	c.Env["XLA_FLAGS"] = strings.TrimSpace(flags + " " + deterministicFlag)
	c.Deterministic = true
	return c.note("deterministic: " + deterministicFlag + " gives the same bits at each call, at some cost of speed")
}

func (c Choice) note(s string) Choice {
	c.Notes = append(c.Notes[:len(c.Notes):len(c.Notes)], s)
	return c
}

// with returns the choice with the options in force.
func (c Choice) with(o Options, getenv func(string) string) Choice {
	if o.TF32 {
		c = c.withTF32()
	}
	if o.Deterministic {
		c = c.withDeterminism(getenv)
	}
	return c
}
