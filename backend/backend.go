// Package backend chooses the GoMLX backend that trains and says why, so that
// every command, notebook and test of the project takes the same one.
//
// The order is: what the user asked for in GOMLX_BACKEND; else XLA on CUDA,
// where an NVIDIA driver and a CUDA plugin are found; else the XLA CPU plugin;
// else pure Go, with a warning that names how much slower that is. [Choose]
// only looks at files. A plugin is read by [CheckPlugin] before it is loaded,
// because loading a file that is not a plugin ends the process without an
// error that Go could report.
package backend

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gomlx/compute"

	// The pure Go backend, which every build has.
	_ "github.com/gomlx/compute/gobackend"
)

// Names of the backends, as Choice.Name and records give them.
const (
	Go   = "go"
	CPU  = "xla:cpu"
	CUDA = "xla:cuda"
)

// Choice is a backend that was chosen but not opened yet.
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
	// Warning is "", or what the user loses by this choice and how to mend it.
	Warning string `json:"warning,omitempty"`
	// Env holds the environment variables that Open sets before it loads the
	// plugin. A variable that the user has set is not among them.
	Env map[string]string `json:"env,omitempty"`
	// Libraries are the paths of NVIDIA's libraries that Open loads before the plugin.
	Libraries []string `json:"libraries,omitempty"`
	// Deterministic says that the backend is told to give the same bits at each call,
	// see WithDeterminism.
	Deterministic bool `json:"deterministic,omitempty"`
	// TF32 says that products of float32 may be taken in TF32, see WithTF32.
	TF32 bool `json:"tf32,omitempty"`
}

// goConfig is how the pure Go backend is opened. Its default, a pool of twice
// the number of cores, was seen to deadlock on two cores.
const goConfig = "go:parallelism=-1"

// slower is measured: a training step of ResNet-18 of width 16, batch 128,
// float32, on two cores.
const slower = "the pure Go backend trains about 16 times slower than XLA (25 against 408 images a second, ResNet-18 of width 16 on 2 cores)"

// Choose picks a backend, in the order that the package's comment gives. It
// looks at environment variables and files and loads nothing.
//
// It is an error if GOMLX_BACKEND names a backend that this program does not
// have or a plugin that is missing, and if the plugin that would be taken is
// not one for this machine: falling back in silence would train many times
// slower. The error names the file and how to mend it.
func Choose() (Choice, error) { return here().choose() }

// Open chooses a backend and opens it. The caller finalises it, or lets the
// process end. go-xla is kept from downloading a plugin by itself; `make setup`
// installs the one that this project has checksums for.
func Open() (compute.Backend, Choice, error) {
	c, err := Choose()
	if err != nil {
		return nil, c, err
	}
	b, err := c.Open()
	return b, c, err
}

// WithDeterminism returns the choice with its backend told to give the same bits at
// each call, and says in a sentence what that means. On CUDA, whose fastest
// operations add in whatever order their threads end, XLA is told by its flag
// xla_gpu_deterministic_ops, beside the flags that the user has set; it must be so
// before the first backend of the process opens. Other backends have no such flag and are
// left as they are.
func (c Choice) WithDeterminism() (Choice, string) { return c.withDeterminism(os.Getenv) }

func (c Choice) withDeterminism(getenv func(string) string) (Choice, string) {
	if c.Name != CUDA {
		return c, "changes nothing on " + c.Name + ", which has no such flag; the tests of this project find its runs the same to the bit"
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
	return c, deterministicFlag + ": the same bits at each call, at some cost of speed"
}

// WithTF32 returns the choice with products and convolutions of float32 numbers taken in
// TF32, 10 bits of mantissa in place of 23, by the tensor cores that NVIDIA GPUs have from
// Ampere on, and says in a sentence what that means. A choice is made without: XLA's
// products are told so by an option, and NVIDIA's libraries, which take TF32 for
// convolutions of their own accord, by the variable NVIDIA_TF32_OVERRIDE; what the user has set
// of these stays. Other backends have no TF32 and are left as they are. It must be so
// before the first backend of the process opens.
func (c Choice) WithTF32() (Choice, string) {
	if c.Name != CUDA {
		return c, "is float32 on " + c.Name + ", which has no TF32"
	}
	c.Config = strings.Replace(c.Config, ","+noTF32, "", 1)
	c.Env = maps.Clone(c.Env)
	delete(c.Env, tf32Override)
	c.TF32 = true
	return c, "products and convolutions of float32 numbers with 10 bits of mantissa"
}

// How CUDA is told to take no TF32: go-xla's option, and NVIDIA's variable.
const (
	noTF32       = "tf32=false"
	tf32Override = "NVIDIA_TF32_OVERRIDE"
)

const deterministicFlag = "--xla_gpu_deterministic_ops=true"

// FreeMemory returns how many bytes of the first NVIDIA device's memory are free, as
// nvidia-smi says. It is an error where there is no such program or device.
func FreeMemory() (int64, error) {
	out, err := nvidiaSMI("memory.free")
	if err != nil {
		return 0, fmt.Errorf("backend: free memory of the device: nvidia-smi: %w", err)
	}
	return parseFree(out)
}

// nvidiaSMI returns what nvidia-smi answers to a query, a line for each device.
func nvidiaSMI(query string) (string, error) {
	out, err := exec.Command("nvidia-smi", "--query-gpu="+query, "--format=csv,noheader,nounits").Output()
	return string(out), err
}

// parseFree reads the first line of nvidia-smi's answer, in MiB.
func parseFree(out string) (int64, error) {
	line, _, _ := strings.Cut(strings.TrimSpace(out), "\n")
	mib, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil || mib < 0 {
		return 0, fmt.Errorf("backend: free memory of the device: nvidia-smi says %q, want a number of MiB", line)
	}
	return mib << 20, nil
}

// opening guards os.Stdout and the environment while a backend is made.
var opening sync.Mutex

// Open opens the backend that was chosen.
func (c Choice) Open() (b compute.Backend, err error) {
	if c.Plugin != "" {
		// The file may have changed since it was chosen.
		if err := CheckPlugin(c.Plugin); err != nil {
			return nil, err
		}
	}
	opening.Lock()
	defer opening.Unlock()
	for _, k := range slices.Sorted(maps.Keys(c.Env)) {
		if err := os.Setenv(k, c.Env[k]); err != nil {
			return nil, fmt.Errorf("backend: set %s: %w", k, err)
		}
	}
	// The Go backend prints its parallelism to standard output, where
	// `collapse … --json` writes an object for programs.
	stdout := os.Stdout
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		defer null.Close()
		os.Stdout = null
	}
	defer func() {
		os.Stdout = stdout
		if p := recover(); p != nil { // GoMLX panics on a configuration it does not know
			b, err = nil, fmt.Errorf("backend %q: %v", c.Config, p)
		}
	}()
	config, done, err := c.plain()
	if err != nil {
		return nil, fmt.Errorf("backend %s: %w", c.Name, err)
	}
	defer done()
	var unloaded []error
	for _, path := range c.Libraries {
		if err := loadLibrary(path); err != nil {
			unloaded = append(unloaded, err)
		}
	}
	b, err = compute.NewWithConfig(config)
	if err != nil {
		mend := "GOMLX_BACKEND=go trains without it, slower"
		switch {
		case strings.Contains(err.Error(), "libstdc++"):
			mend = "the plugin needs the C++ library: apt-get install libstdc++6"
		case c.Name == CUDA:
			mend = "GOMLX_BACKEND=xla:cpu trains on the CPU"
			if unloaded != nil {
				err = fmt.Errorf("%w (libraries that could not be loaded: %w)", err, errors.Join(unloaded...))
			}
		case c.Name == Go:
			mend = "unset GOMLX_BACKEND"
		}
		return nil, fmt.Errorf("backend %s (%s) does not open: %w; %s", c.Name, c.Config, err, mend)
	}
	return b, nil
}

// plain returns the configuration to open. go-xla takes any plugin for CUDA's
// whose path holds "cuda" or "nvidia", and hands it options that another plugin
// refuses; a project in such a folder is reached through a link elsewhere, which
// done removes once the plugin is loaded.
func (c Choice) plain() (config string, done func(), err error) {
	config, done = c.Config, func() {}
	path := strings.ToLower(c.Plugin)
	if c.Name == CUDA || !strings.Contains(path, "cuda") && !strings.Contains(path, "nvidia") {
		return config, done, nil
	}
	dir, err := os.MkdirTemp("", "collapse")
	if err != nil {
		return "", nil, err
	}
	done = func() { os.RemoveAll(dir) }
	link := filepath.Join(dir, "pjrt_c_api_cpu_plugin.so")
	if err := os.Symlink(c.Plugin, link); err != nil {
		done()
		return "", nil, err
	}
	return strings.Replace(config, c.Plugin, link, 1), done, nil
}

// machine is what a choice depends on; tests give one of their own.
type machine struct {
	getenv func(string) string
	root   string   // the project's folder, "" if there is none
	home   string   // the user's, "" if unknown
	system string   // prefix of /proc, /dev, /usr; "" outside tests
	xla    bool     // this program can load plugins
	known  []string // backends that this program was built with
}

func here() machine {
	root, _ := ProjectRoot()
	home, _ := os.UserHomeDir()
	return machine{getenv: os.Getenv, root: root, home: home, xla: hasXLA, known: compute.List()}
}

func (m machine) choose() (Choice, error) {
	if want := strings.TrimSpace(m.getenv(compute.ConfigEnvVar)); want != "" {
		return m.asked(want)
	}
	if !m.xla {
		return Choice{Config: goConfig, Name: Go,
			Reason:  "this program was built without XLA (" + noXLA + ")",
			Warning: slower + "; build with cgo and a C compiler to use XLA",
		}, nil
	}
	var warning string
	cuda := m.cudaReport()
	missing := cuda.Missing()
	if cuda.GPU && cuda.Plugin != "" && cuda.Driver != "" {
		if err := CheckPlugin(cuda.Plugin); err != nil {
			return Choice{}, fmt.Errorf("%w; GOMLX_BACKEND=xla:cpu trains on the CPU", err)
		}
		// What is missing may be where the loader finds it and this does not, so that it is
		// a warning; to train on the CPU instead would be many times slower.
		c := m.cuda(cuda.Plugin, "", "an NVIDIA driver and the CUDA plugin were found")
		c.Warning = strings.Join(missing, "; ")
		return c, nil
	}
	if missing != nil {
		warning = "an NVIDIA GPU is here but cannot be used: " + strings.Join(missing, "; ")
	}
	plugin, searched := m.cpuPlugin()
	if plugin == "" {
		mend := "`make setup` in the project's folder installs the XLA CPU plugin"
		if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
			mend = "the project has no XLA CPU plugin for " + runtime.GOOS + "/" + runtime.GOARCH
		}
		return Choice{Config: goConfig, Name: Go,
			Reason:  "no XLA plugin was found", // goes to records, which are published: no folders
			Warning: join(warning, slower+"; "+mend+" (searched "+searched+")"),
		}, nil
	}
	if err := CheckPlugin(plugin); err != nil {
		return Choice{}, fmt.Errorf("%w; GOMLX_BACKEND=go trains without a plugin, about 16 times slower", err)
	}
	c := m.cpu(plugin, "", "the XLA CPU plugin was found, and no NVIDIA driver")
	if warning != "" {
		c.Reason, c.Warning = "the XLA CPU plugin was found, and CUDA cannot be used", warning
	}
	return c, nil
}

// asked turns the user's GOMLX_BACKEND into a choice.
func (m machine) asked(want string) (Choice, error) {
	reason := "GOMLX_BACKEND=" + want + " asks for it"
	name, config, _ := strings.Cut(want, ":")
	switch name {
	case "go":
		c := Choice{Config: want, Name: Go, Reason: reason, Warning: slower}
		if config == "" {
			c.Config = goConfig
		}
		return c, nil
	case "xla", "stablehlo", "hlo", "shlo": // go-xla's names of one backend
	default:
		if slices.Contains(m.known, name) {
			return Choice{Config: want, Name: name, Reason: reason}, nil
		}
		return Choice{}, fmt.Errorf("GOMLX_BACKEND=%s: no backend %q; known are xla, xla:cpu, xla:cuda, xla:/path/plugin.so and go (unset it to let Collapse choose)", want, name)
	}
	if !m.xla {
		return Choice{}, fmt.Errorf("GOMLX_BACKEND=%s: this program was built without XLA (%s); build it with cgo and a C compiler, or take GOMLX_BACKEND=go", want, noXLA)
	}
	which, options, _ := strings.Cut(config, ",")
	gpu, driver := m.nvidia()
	var plugin, searched string
	var isCUDA bool
	switch {
	case strings.HasPrefix(which, "/"):
		plugin, isCUDA = which, cudaFile(which)
	case which == "" && gpu && driver != "":
		if plugin, _ = m.cudaPlugin(); plugin != "" {
			isCUDA = true
			break
		}
		plugin, searched = m.cpuPlugin()
	case which == "" || which == "cpu":
		plugin, searched = m.cpuPlugin()
	case which == "cuda":
		isCUDA = true
		if !gpu || driver == "" {
			return Choice{}, fmt.Errorf("GOMLX_BACKEND=%s: no NVIDIA driver on this machine (GPU device found: %t, libcuda.so.1 found: %t); install it, or unset GOMLX_BACKEND", want, gpu, driver != "")
		}
		plugin, searched = m.cudaPlugin()
	default:
		plugin, searched = m.named(which)
		isCUDA = cudaFile("_" + which)
	}
	if plugin == "" {
		mend := "`make setup` in the project's folder installs the CPU plugin"
		if isCUDA {
			mend = "`make cuda` in the project's folder installs the wheel jax-cuda13-pjrt"
		}
		return Choice{}, fmt.Errorf("GOMLX_BACKEND=%s: no such plugin in %s; %s, or unset GOMLX_BACKEND", want, searched, mend)
	}
	if err := CheckPlugin(plugin); err != nil {
		return Choice{}, fmt.Errorf("GOMLX_BACKEND=%s: %w", want, err)
	}
	switch {
	case isCUDA:
		return m.cuda(plugin, options, reason), nil
	case cpuFile(plugin):
		return m.cpu(plugin, options, reason), nil
	}
	return Choice{Config: config1(plugin, options), Name: "xla:" + baseName(plugin), Plugin: plugin, Reason: reason}, nil
}

func (m machine) cpu(plugin, options, reason string) Choice {
	// With shared buffers a batch is written once, where the network reads it.
	// go-xla takes them for granted only of a plugin that is called "cpu".
	if !strings.Contains(options, "shared_buffers") {
		options = join2("shared_buffers", options)
	}
	c := Choice{Config: config1(plugin, options), Name: CPU, Plugin: plugin, Reason: reason, Env: map[string]string{}}
	// XLA ends the process at a flag that it does not know.
	if m.getenv("XLA_FLAGS") == "" {
		var flags []string
		for _, f := range cpuFlags {
			if name, _, _ := strings.Cut(f, "="); holds(plugin, name) {
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
var cpuFlags = []string{"xla_cpu_experimental_ynn_fusion_type=", "xla_cpu_experimental_onednn_custom_call=true"}

// holds reports whether a file can be read and holds the text.
func holds(path, text string) bool {
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

func (m machine) cuda(plugin, options, reason string) Choice {
	tf32 := strings.Contains(options, "tf32")
	if !tf32 {
		options = join2(options, noTF32)
	}
	c := Choice{Config: config1(plugin, join2("shared_buffers=false", options)), Name: CUDA, Plugin: plugin, Reason: reason, Env: map[string]string{}}
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

// config1 is the configuration of one plugin with go-xla's options.
func config1(plugin, options string) string { return "xla:" + join2(plugin, options) }

func join2(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "," + b
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// errNotPlugin is under every error of CheckPlugin.
var errNotPlugin = errors.New("not an XLA plugin for this machine")
