//go:build !(cgo && ((linux && (amd64 || arm64)) || (darwin && arm64)) && !noxla)

package backend

// hasXLA says whether this program can load XLA plugins, noXLA why not.
const (
	hasXLA = false
	noXLA  = "go-xla needs cgo, and Linux or macOS"
)

func libcVersion() string { return "" }

func loadLibrary(string) error { return nil }
