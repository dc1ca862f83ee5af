package backend

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// CUDAReport says what of the things that training on an NVIDIA GPU needs is on
// this machine, as far as files tell.
type CUDAReport struct {
	// GPU says whether an NVIDIA GPU's device is here.
	GPU bool
	// Driver is the path of the driver's library libcuda.so.1, "" if there is none.
	Driver string
	// DriverVersion is the driver's version, like "580.159.03", "" if no file tells it.
	DriverVersion string
	// Plugin is the path of XLA's CUDA plugin, "" if there is none.
	Plugin string
	// Searched lists the folders that were searched for the plugin, where there is none.
	Searched string
	// Toolkit is the release of CUDA that the plugin is made for, 12 or 13; 0 if
	// its file does not tell.
	Toolkit int
	// Libraries are NVIDIA's libraries that the plugin opens, in the order in which
	// they are loaded.
	Libraries []CUDALibrary
}

// CUDALibrary is one of NVIDIA's libraries.
type CUDALibrary struct {
	Name     string // "cuDNN"
	File     string // "libcudnn.so.9"
	Path     string // where it is, "" if it was not found
	Optional bool   // only several GPUs need it
}

// InspectCUDA looks for a GPU, its driver, the plugin and its libraries. It loads nothing.
func InspectCUDA() CUDAReport { return here().cudaReport() }

func (m machine) cudaReport() CUDAReport {
	r := CUDAReport{}
	r.GPU, r.Driver = m.nvidia()
	r.DriverVersion = m.driverVersion(r.Driver)
	r.Plugin, r.Searched = m.cudaPlugin()
	if r.Plugin == "" {
		return r
	}
	r.Searched = ""
	r.Toolkit = toolkit(r.Plugin)
	r.Libraries = m.libraries(r.Plugin)
	return r
}

// Missing lists what keeps, or may keep, the GPU from being used: a sentence each, with the repair.
// It is nil where nothing does, or where there is no GPU.
func (r CUDAReport) Missing() []string {
	if !r.GPU {
		return nil
	}
	var missing []string
	if r.Driver == "" {
		missing = append(missing, "the NVIDIA driver's library libcuda.so.1 is not found; install the NVIDIA driver"+
			" (in a container: start it with the NVIDIA container toolkit, docker run --gpus all)")
	}
	if need := r.DriverTooOld(); need != "" {
		missing = append(missing, "the NVIDIA driver is "+r.DriverVersion+": "+need)
	}
	if r.Plugin == "" {
		return append(missing, "there is no CUDA plugin; `make cuda` in the project's folder installs the wheel"+
			" jax-cuda13-pjrt and NVIDIA's libraries (searched "+r.Searched+")")
	}
	if absent := r.Absent(); absent != nil {
		missing = append(missing, "the CUDA plugin needs "+strings.Join(absent, ", ")+", not found next to it, in"+
			" LD_LIBRARY_PATH or in the system's folders; `make cuda` installs them into the project's .venv")
	}
	return missing
}

// Absent lists the libraries that training on one GPU needs and that were not found.
func (r CUDAReport) Absent() (absent []string) {
	for _, l := range r.Libraries {
		if l.Path == "" && !l.Optional {
			absent = append(absent, l.Name+" ("+l.File+")")
		}
	}
	return absent
}

// DriverTooOld says which driver the plugin's release of CUDA needs where the one here is
// known to be older, else "".
func (r CUDAReport) DriverTooOld() string {
	need := map[int]int{12: 525, 13: 580}[r.Toolkit]
	major, _, _ := strings.Cut(r.DriverVersion, ".")
	have, err := strconv.Atoi(major)
	if err != nil || have >= need {
		return ""
	}
	older := ""
	if r.Toolkit == 13 && have >= 525 {
		older = " (the wheel jax-cuda12-pjrt and NVIDIA's libraries of CUDA 12, in an active Python environment," +
			" need 525)"
	}
	return fmt.Sprintf("CUDA %d needs %d or newer%s", r.Toolkit, need, older)
}

// nvidia says whether an NVIDIA GPU's device is here, and where the driver's
// library is. Under WSL the device is /dev/dxg.
func (m machine) nvidia() (gpu bool, driver string) {
	for _, p := range []string{"/proc/driver/nvidia", "/dev/nvidia[0-9]*", "/dev/dxg"} {
		gpu = gpu || newest(escape(m.system)+p) != ""
	}
	return gpu, m.library("libcuda.so.1", "/usr/lib/wsl/lib", "/usr/local/cuda/compat", "/run/opengl-driver/lib")
}

var versionNumber = regexp.MustCompile(`\b\d{3}\.\d+(\.\d+)?\b`)

// driverVersion asks the kernel's module, or the name of the file behind libcuda.so.1.
func (m machine) driverVersion(driver string) string {
	b, _ := os.ReadFile(m.system + "/proc/driver/nvidia/version")
	line, _, _ := strings.Cut(string(b), "\n") // the second line is the compiler's version
	if v := versionNumber.FindString(line); v != "" {
		return v
	}
	if driver != "" {
		if file, err := filepath.EvalSymlinks(driver); err == nil {
			return versionNumber.FindString(strings.TrimPrefix(filepath.Base(file), "libcuda.so."))
		}
	}
	return ""
}

// library returns the path of a library in LD_LIBRARY_PATH, the system's folders or
// others of the system, "" if it is in none.
func (m machine) library(file string, others ...string) string {
	dirs := m.list("LD_LIBRARY_PATH")
	usual := []string{"/usr/local/cuda/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
		"/usr/lib64", "/usr/lib", "/usr/local/lib", "/usr/local/nvidia/lib64"}
	for _, d := range slices.Concat(usual, others) {
		dirs = append(dirs, m.system+d)
	}
	for _, d := range dirs {
		if p := filepath.Join(d, file); exists(p) {
			return p
		}
	}
	return ""
}

// toolkit returns the release of CUDA in the name of a plugin's folder or file, as in
// jax_plugins/xla_cuda13/xla_cuda_plugin.so; else that of NVIDIA's folder next to it.
func toolkit(plugin string) int {
	for _, p := range []string{filepath.Base(filepath.Dir(plugin)), filepath.Base(plugin)} {
		for _, v := range []int{12, 13} {
			if strings.Contains(p, "cuda"+strconv.Itoa(v)) {
				return v
			}
		}
	}
	for _, dir := range nextTo(plugin) {
		switch {
		case exists(filepath.Join(dir, "nvidia/cu13")):
			return 13
		case exists(filepath.Join(dir, "nvidia/cublas")):
			return 12
		}
	}
	return 0
}

// nextTo lists the folders that may hold NVIDIA's wheels for a plugin, which is in
// site-packages/jax_plugins/xla_cuda13/ or in go-xla/: its own and two above.
func nextTo(plugin string) []string {
	dir := filepath.Dir(plugin)
	return []string{dir, filepath.Dir(dir), filepath.Dir(filepath.Dir(dir))}
}

// libraries finds NVIDIA's libraries for a plugin: in the wheels next to it, then in the
// system. JAX loads the same files in the same order before this plugin. cuDNN may not find
// CUDA's runtime and compiler unless they are loaded first.
func (m machine) libraries(plugin string) []CUDALibrary {
	release := toolkit(plugin)
	v := func(of12, of13 string) string {
		if release == 12 {
			return of12
		}
		return of13
	}
	list := []CUDALibrary{
		{Name: "CUDA's runtime", File: "libcudart.so." + v("12", "13")},
		{Name: "NVRTC", File: "libnvrtc.so." + v("12", "13")},
		{Name: "cuBLAS", File: "libcublas.so." + v("12", "13")},
		{Name: "cuBLASLt", File: "libcublasLt.so." + v("12", "13")},
		{Name: "NCCL", File: "libnccl.so.2", Optional: true},
		{Name: "CUPTI", File: "libcupti.so." + v("12", "13")},
		{Name: "nvJitLink", File: "libnvJitLink.so." + v("12", "13")},
		{Name: "cuSPARSE", File: "libcusparse.so.12"},
		{Name: "cuSOLVER", File: "libcusolver.so." + v("11", "12")},
		{Name: "cuFFT", File: "libcufft.so." + v("11", "12")},
		{Name: "NVSHMEM", File: "libnvshmem_host.so.3", Optional: true},
		{Name: "cuDNN", File: "libcudnn.so.9"},
	}
	for i := range list {
		l := &list[i]
		for _, dir := range nextTo(plugin) {
			if l.Path = newest(filepath.Join(escape(dir), "nvidia", "*", "lib", l.File)); l.Path != "" {
				break
			}
		}
		if l.Path == "" {
			l.Path = m.library(l.File)
		}
	}
	return list
}

// nvidiaFolder returns the folder that XLA looks into for libdevice and ptxas: the one of
// NVIDIA's wheels next to a plugin that has libdevice, or the system's CUDA; else "".
func (m machine) nvidiaFolder(plugin string) string {
	var dirs []string
	for _, dir := range nextTo(plugin) {
		for _, sub := range []string{"nvidia/cu13", "nvidia/cuda_nvcc", "nvidia/cu12", "nvidia"} {
			dirs = append(dirs, filepath.Join(dir, sub))
		}
	}
	dirs = append(dirs, m.system+"/usr/local/cuda")
	for _, dir := range dirs {
		if exists(filepath.Join(dir, "nvvm", "libdevice")) {
			return dir
		}
	}
	return ""
}

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
