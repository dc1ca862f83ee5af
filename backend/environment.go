package backend

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/gomlx/compute"

	"github.com/gocollapse/collapse/internal/project"
	"github.com/gocollapse/collapse/record"
)

// Environment describes the software and the machine behind a run's numbers. b
// is the backend that c opened; nil leaves the device as far as files tell it.
// Plugin and PluginVersion are "" for the pure Go backend, Collapse and GoMLX
// "unknown" in a program that does not hold the module.
func (c Choice) Environment(b compute.Backend) record.Environment {
	e := record.Environment{
		Collapse: "unknown", GoMLX: "unknown", GoXLA: "unknown",
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		CPU: cpuModel("/proc/cpuinfo"), Cores: runtime.GOMAXPROCS(0),
		Backend: c.Name, BackendReason: c.Reason, Deterministic: c.Deterministic, TF32: c.TF32,
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		versions(&e, info)
	}
	e.Device = e.CPU
	if c.Name == CUDA {
		e.Device = gpuModel("/proc/driver/nvidia/gpus")
		if e.Device == "" { // a container may not show that folder
			names, _ := nvidiaSMI("name")
			e.Device, _, _ = strings.Cut(strings.TrimSpace(names), "\n")
		}
		if e.Device == "" {
			e.Device = "NVIDIA GPU"
		}
	}
	if c.Plugin == "" {
		return e
	}
	e.Plugin = filepath.Base(c.Plugin)
	if b != nil {
		if m := pjrtVersion.FindStringSubmatch(b.Description()); m != nil {
			e.PluginVersion = "PJRT " + m[1]
		}
		if d, _, _ := strings.Cut(b.DeviceDescription(0), " [processId"); d != "" {
			e.Device += " (" + d + ")"
		}
	}
	return e
}

// pjrtVersion finds the version of the PJRT interface that a plugin speaks in
// go-xla's description of it: "… plugin (/path) v0.115 [StableHLO] …".
var pjrtVersion = regexp.MustCompile(`.*\) v(\d+\.\d+)`)

// versions fills in what the Go build says about the modules.
func versions(e *record.Environment, info *debug.BuildInfo) {
	name := func(m *debug.Module) string {
		if m.Replace != nil {
			m = m.Replace
		}
		if m.Version == "" {
			return "(devel)"
		}
		return m.Version
	}
	if info.Main.Path == project.Module {
		e.Collapse = name(&info.Main)
	}
	for _, m := range info.Deps {
		switch m.Path {
		case project.Module:
			e.Collapse = name(m)
		case "github.com/gomlx/gomlx":
			e.GoMLX = name(m)
		case "github.com/gomlx/go-xla":
			e.GoXLA = name(m)
		}
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	// A version made from a commit already holds it.
	if r := settings["vcs.revision"]; len(r) >= 12 && info.Main.Path == project.Module &&
		!strings.Contains(e.Collapse, r[:12]) {
		e.Collapse += " " + r[:12]
		if settings["vcs.modified"] == "true" {
			e.Collapse += "+dirty"
		}
	}
}

// cpuModel reads the first processor's name as Linux gives it. Elsewhere, and
// where the kernel names none (on arm64), it is the architecture.
func cpuModel(cpuinfo string) string {
	b, _ := os.ReadFile(cpuinfo)
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			return strings.TrimSpace(v)
		}
	}
	return runtime.GOARCH
}

// gpuModel reads the first GPU's name from the NVIDIA driver's folder.
func gpuModel(gpus string) string {
	files, _ := filepath.Glob(filepath.Join(gpus, "*", "information"))
	for _, f := range files {
		b, _ := os.ReadFile(f)
		for line := range strings.Lines(string(b)) {
			if v, ok := strings.CutPrefix(line, "Model:"); ok {
				return strings.TrimSpace(v)
			}
		}
	}
	return ""
}
