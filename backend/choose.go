package backend

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/gomlx/compute"

	"github.com/gocollapse/collapse/internal/project"
)

// goConfig is how the pure Go backend is opened. Its default, a pool of twice
// the number of cores, was seen to deadlock on two cores.
const goConfig = "go:parallelism=-1"

// slower warns of the pure Go backend. docs/speed.md has the measured number.
const slower = "the pure Go backend trains far slower than XLA"

// machine is what a choice depends on; tests give one of their own.
type machine struct {
	getenv func(string) string
	root   string   // the project's folder, "" if there is none
	home   string   // the user's, "" if unknown
	system string   // prefix of /proc, /dev, /usr; "" outside tests
	xla    bool     // this program can load plugins
	known  []string // backends that this program was built with
}

// here is this machine.
func here() machine {
	root, _ := project.Root() // without a project there is no .venv to look in
	home, _ := os.UserHomeDir()
	return machine{getenv: os.Getenv, root: root, home: home, xla: hasXLA, known: compute.List()}
}

func (m machine) choose(o Options) (c Choice, err error) {
	r := request{name: o.Name}
	if r.name == "" {
		r.name, r.byUser = strings.TrimSpace(m.getenv(compute.ConfigEnvVar)), true
	}
	if r.name == "" {
		c, err = m.best()
	} else {
		c, err = m.asked(r)
	}
	if err != nil {
		return c, err
	}
	return c.with(o, m.getenv), nil
}

// best returns the first backend that this machine can use: CUDA, the XLA CPU plugin, pure Go.
func (m machine) best() (Choice, error) {
	if !m.xla {
		return Choice{Config: goConfig, Name: Go,
			Reason:  "this program was built without XLA (" + noXLA + ")",
			Warning: slower + "; build with cgo and a C compiler to use XLA",
		}, nil
	}
	cuda := m.cudaReport()
	missing := cuda.Missing()
	if cuda.GPU && cuda.Plugin != "" && cuda.Driver != "" {
		if err := CheckPlugin(cuda.Plugin); err != nil {
			return Choice{}, fmt.Errorf("%w; GOMLX_BACKEND=xla:cpu trains on the CPU", err)
		}
		// A missing library is a warning: the loader may find it where this search does not,
		// and to train on the CPU instead would be many times slower.
		c := m.cuda(cuda.Plugin, "", "an NVIDIA driver and the CUDA plugin were found")
		c.Warning = strings.Join(missing, "; ")
		return c, nil
	}
	var unused string
	if missing != nil {
		unused = "an NVIDIA GPU is here but cannot be used: " + strings.Join(missing, "; ")
	}
	plugin, searched := m.cpuPlugin()
	if plugin == "" {
		return m.pureGo(unused, searched), nil
	}
	if err := CheckPlugin(plugin); err != nil {
		return Choice{}, fmt.Errorf("%w; GOMLX_BACKEND=go trains without a plugin, far slower", err)
	}
	c := m.cpu(plugin, "", "the XLA CPU plugin was found, and no NVIDIA driver")
	if unused != "" {
		c.Reason, c.Warning = "the XLA CPU plugin was found, and CUDA cannot be used", unused
	}
	return c, nil
}

// pureGo is the choice where no plugin was found in the places searched. unused says why a GPU
// that is here cannot be used, or "".
func (m machine) pureGo(unused, searched string) Choice {
	repair := "`make setup` in the project's folder installs the XLA CPU plugin"
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		repair = "the project has no XLA CPU plugin for " + runtime.GOOS + "/" + runtime.GOARCH
	}
	warning := slower + "; " + repair + " (searched " + searched + ")"
	if unused != "" {
		warning = unused + "; " + warning
	}
	// The reason goes to records, which are published: it names no folders.
	return Choice{Config: goConfig, Name: Go, Reason: "no XLA plugin was found", Warning: warning}
}

// request is a backend that is asked for by name: by the user in GOMLX_BACKEND, or by the
// program in Options.
type request struct {
	name   string
	byUser bool
}

func (r request) String() string {
	if r.byUser {
		return "GOMLX_BACKEND=" + r.name
	}
	return "backend " + r.name
}

// otherwise is how to ask for something else.
func (r request) otherwise() string {
	if r.byUser {
		return "unset GOMLX_BACKEND"
	}
	return "name another backend"
}

// asked turns a request into a choice.
func (m machine) asked(r request) (Choice, error) {
	reason := r.String() + " asks for it"
	name, config, _ := strings.Cut(r.name, ":")
	switch name {
	case "go":
		c := Choice{Config: r.name, Name: Go, Reason: reason, Warning: slower}
		if config == "" {
			c.Config = goConfig
		}
		return c, nil
	case "xla", "stablehlo", "hlo", "shlo": // go-xla's names of one backend
	default:
		if slices.Contains(m.known, name) {
			return Choice{Config: r.name, Name: name, Reason: reason}, nil
		}
		return Choice{}, fmt.Errorf("%v: no backend %q; known are xla, xla:cpu, xla:cuda, xla:/path/plugin.so and go"+
			" (%s to let Collapse choose)", r, name, r.otherwise())
	}
	if !m.xla {
		return Choice{}, fmt.Errorf("%v: this program was built without XLA (%s);"+
			" build it with cgo and a C compiler, or take GOMLX_BACKEND=go", r, noXLA)
	}
	which, options, _ := strings.Cut(config, ",")
	plugin, isCUDA, err := m.askedPlugin(r, which)
	if err != nil {
		return Choice{}, err
	}
	if err := CheckPlugin(plugin); err != nil {
		return Choice{}, fmt.Errorf("%v: %w", r, err)
	}
	switch {
	case isCUDA:
		return m.cuda(plugin, options, reason), nil
	case cpuFile(plugin):
		return m.cpu(plugin, options, reason), nil
	}
	return Choice{
		Config: xlaConfig(plugin, options),
		Name:   "xla:" + baseName(plugin),
		Plugin: plugin,
		Reason: reason,
	}, nil
}

// askedPlugin finds the plugin of a request for XLA, which names it by which: an absolute path,
// "cpu", "cuda", go-xla's name of another, or "" for the best one. isCUDA says that it is CUDA's.
func (m machine) askedPlugin(r request, which string) (plugin string, isCUDA bool, err error) {
	var searched string
	gpu, driver := m.nvidia()
	switch {
	case strings.HasPrefix(which, "/"):
		plugin, isCUDA = which, cudaFile(which)
	case which == "cuda":
		isCUDA = true
		if !gpu || driver == "" {
			return "", true, fmt.Errorf("%v: no NVIDIA driver on this machine (GPU device found: %t,"+
				" libcuda.so.1 found: %t); install it, or %s", r, gpu, driver != "", r.otherwise())
		}
		plugin, searched = m.cudaPlugin()
	case which == "" || which == "cpu":
		if which == "" && gpu && driver != "" {
			plugin, _ = m.cudaPlugin()
			isCUDA = plugin != ""
		}
		if plugin == "" {
			plugin, searched = m.cpuPlugin()
		}
	default:
		plugin, searched = m.named(which)
		isCUDA = cudaFile("_" + which)
	}
	if plugin == "" {
		repair := "`make setup` in the project's folder installs the CPU plugin"
		if isCUDA {
			repair = "`make cuda` in the project's folder installs the wheel jax-cuda13-pjrt"
		}
		err = fmt.Errorf("%v: no such plugin in %s; %s, or %s", r, searched, repair, r.otherwise())
	}
	return plugin, isCUDA, err
}

// cpu is the choice of the XLA CPU plugin, with go-xla's options for it, such as "a=1,b".
func (m machine) cpu(plugin, options, reason string) Choice {
	// With shared buffers a batch is written once, where the network reads it.
	// go-xla takes them for granted only of a plugin that is called "cpu".
	if !strings.Contains(options, "shared_buffers") {
		options = commas("shared_buffers", options)
	}
	c := Choice{
		Config: xlaConfig(plugin, options), Name: CPU,
		Plugin: plugin, Reason: reason, Env: map[string]string{},
	}
	// XLA ends the process at a flag that it does not know.
	if m.getenv("XLA_FLAGS") == "" {
		var flags []string
		for _, f := range cpuFlags {
			if name, _, _ := strings.Cut(f, "="); contains(plugin, name) {
				flags = append(flags, "--"+f)
			}
		}
		if flags != nil {
			c.Env["XLA_FLAGS"] = strings.Join(flags, " ")
		}
	}
	return c
}

// cpuFlags are XLA's flags for its plugin for the CPU: convolutions and large
// products go to oneDNN, and not to YNNPACK, with which a training step takes
// twice the time (docs/speed.md).
var cpuFlags = []string{
	"xla_cpu_experimental_ynn_fusion_type=",
	"xla_cpu_experimental_onednn_custom_call=true",
}

// contains reports whether a file can be read and holds the text.
func contains(path, text string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	buf := make([]byte, 1<<20)
	kept := 0 // of the block before, where the text may begin
	for {
		n, err := f.Read(buf[kept:])
		if bytes.Contains(buf[:kept+n], []byte(text)) {
			return true
		}
		if err != nil {
			return false
		}
		end := kept + n
		kept = copy(buf, buf[max(0, end-len(text)):end])
	}
}

// cuda is the choice of a CUDA plugin, with go-xla's options for it.
func (m machine) cuda(plugin, options, reason string) Choice {
	tf32 := strings.Contains(options, "tf32")
	if !tf32 {
		options = commas(options, noTF32)
	}
	c := Choice{
		Config: xlaConfig(plugin, commas("shared_buffers=false", options)), Name: CUDA,
		Plugin: plugin, Reason: reason, Env: map[string]string{},
	}
	// go-xla looks for NVIDIA's libraries in one place only and warns at length
	// where a Python environment keeps them in another; say where they are.
	for _, l := range m.libraries(plugin) {
		if l.Path != "" {
			c.Libraries = append(c.Libraries, l.Path)
		}
	}
	if m.getenv("GOPJRT_CUDA_CHECKS") == "" {
		c.Env["GOPJRT_CUDA_CHECKS"] = "0"
	}
	if !tf32 && m.getenv(tf32Override) == "" {
		c.Env[tf32Override] = "0"
	}
	if dir := m.nvidiaFolder(plugin); dir != "" && m.getenv("XLA_FLAGS") == "" {
		c.Env["XLA_FLAGS"] = "--xla_gpu_cuda_data_dir=" + dir
	}
	return c
}

// xlaConfig is the configuration of one plugin with go-xla's options.
func xlaConfig(plugin, options string) string { return "xla:" + commas(plugin, options) }

// commas joins a and b by a comma where both hold something.
func commas(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "," + b
}
